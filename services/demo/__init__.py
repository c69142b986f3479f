"""The demo: a sample account, its leads and a week, played on a real installation."""
