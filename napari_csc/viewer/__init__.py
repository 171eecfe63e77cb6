"""The napari viewer: state, background work, layers and panels."""

from napari_csc.core.waiting_threads import let_waiting_threads_sleep

# Before any module of the viewer loads torch.
let_waiting_threads_sleep()
