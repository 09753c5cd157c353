"""Media engine with real videos: properties of outputs, never their bytes."""
