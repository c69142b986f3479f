"""Whether Kommo would take a widget's archive: every line of its publishing rules, by script."""
