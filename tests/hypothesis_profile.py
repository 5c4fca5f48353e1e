"""A pytest plugin: no property test is judged by how fast this machine makes or runs its examples."""

from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
