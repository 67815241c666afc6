"""From a template's text and parameters to what is to be deployed, and every refusal on the way."""
