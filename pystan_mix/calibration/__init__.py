"""Whether posteriors are calibrated: simulation-based calibration."""
