"""The API by resource: each class is what one kind of resource can be asked for."""
