"""Stats: models of pain and of progression, and what is common to their effects.

People, never knees, are resampled (`resample`). Mixed models (`mixed`, `clustered`,
`slopes`, `floor`) serve pain and joint-space width; hazards (`hazard`, `survival`, `ratios`)
serve what is seen at visits; `effects`, `curve`, `forest` and `summary` are how both are kept,
drawn and told.
"""
