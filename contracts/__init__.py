"""What crosses a boundary, as typed data without behaviour."""
