-- What was announced stays true; whoever does not know of it passes over it.
SELECT 1;
