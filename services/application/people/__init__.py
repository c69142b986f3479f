"""What people do about people: invite, join, sign in, give roles and keys."""
