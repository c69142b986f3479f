"""Where the widget's routes are."""

PREFIX = "/widget/v1"
