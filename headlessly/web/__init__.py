"""What every request passes: the mount of a tenant, the content security policy, health and logs."""
