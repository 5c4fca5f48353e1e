"""Reading the sanctions lists that OFAC, the United Nations and the European Union publish."""
