"""Card and bank processors behind one small port."""
