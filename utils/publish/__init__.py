"""What leaves the house: pages for the web, and copies of the series for class and teacher."""
