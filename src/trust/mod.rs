//! Certificates, roles, quotas, revocation and policy.
