"""What leaves the house, pages for the web and copies for class and teacher, and what comes back to be checked."""
