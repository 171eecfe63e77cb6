"""The viewer worked by script: screenshots and the film."""
