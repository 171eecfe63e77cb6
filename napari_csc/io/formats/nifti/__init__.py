"""NIfTI files, and Analyze and FreeSurfer files, which nibabel reads like them."""
