import COpenSSL

extension Certificate {
    /// Whether it may sign others: it says so, or is a self-signed one of version 1, which could not say it.
    public var isAuthority: Bool {
        defer { ERR_clear_error() }
        return [1, 3].contains(X509_check_ca(handle))
    }
}
