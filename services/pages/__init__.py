"""Pages that people keep and print: one file, no network, no script, pictures as SVG."""
