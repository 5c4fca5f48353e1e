"""What Grafana shows: seven dashboards, written in Python, committed as the JSON that Grafana reads."""
