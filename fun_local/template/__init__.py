"""From a template's text to the model. Knows nothing of what is deployed."""
