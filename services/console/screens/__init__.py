"""The screens, each with its routes and what it shows; a template has its name."""
