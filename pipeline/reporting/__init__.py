"""Tables beside the paper's, and the page that shows them with their provenance."""
