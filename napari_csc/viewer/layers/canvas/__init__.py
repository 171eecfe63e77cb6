"""What stands on the canvas beside the layers: captions, legends, signs."""
