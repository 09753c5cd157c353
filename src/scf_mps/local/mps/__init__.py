"""Local MPS: tasks, workflows and templates whose outputs a media engine produces in the COS emulator."""
