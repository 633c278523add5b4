"""What every request passes: the tenant's mount, the content security policy, health checks and logs."""
