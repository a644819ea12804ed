//! HTTP statuses in words (RFC 9110, section 15).

/// The reason phrase.
pub(super) const fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        409 => "Conflict",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Internal Server Error",
    }
}

/// The reason as a constant's name: `SERVICE_UNAVAILABLE`.
pub(super) fn constant(status: u16) -> String {
    reason(status).to_uppercase().replace(' ', "_")
}
