import Glibc

/// The folder with a beacon's credentials: its keys, its certificate, the servers it trusts, and the state of its
/// enrolment. For its owner only. The file names are fixed: nothing in a reply affects them.
public struct CredentialFolder: Sendable {
    /// Where it is.
    public let path: String
    /// The private identity key.
    public var identityKey: String { path + "/identity.key.pem" }
    /// The key before the last rotation: opens what was sealed to it, and signs nothing.
    public var oldIdentityKey: String { path + "/identity.old.key.pem" }
    /// The new key of an interrupted rotation.
    public var nextIdentityKey: String { path + "/identity.next.key.pem" }
    /// Left by a rotation until the beacon uses the new key: that key's fingerprint.
    package var rotationMarkFile: String { path + "/identity.rotated" }
    /// Its public half, for anyone who asks for it.
    public var identityPublicKey: String { path + "/identity.pub.pem" }
    /// The C2 server's public key.
    public var serverKey: String { path + "/server.pub.pem" }
    /// The enrolment's data and its state.
    public var record: String { path + "/enrolment.json" }
    /// The CAs that the registration service's certificate must lead to, where the system's are not to be used.
    public var serviceAuthority: String { path + "/service-ca.pem" }
    /// Those that a renewal is trying out.
    public var nextServiceAuthority: String { path + "/service-ca.next.pem" }
    /// What the broker sees: files that belong together, behind one link that is replaced as a whole.
    public var access: AccessFiles { AccessFiles(folder: path + "/access") }
    /// What it saw before the last renewal.
    public var oldAccess: AccessFiles { AccessFiles(folder: path + "/access.old") }
    /// The files of a renewal in progress.
    public var newAccess: AccessFiles { AccessFiles(folder: path + "/access.new") }

    /// The client certificate for the broker with its intermediate ones, its key, and the CAs of the broker.
    public struct AccessFiles: Equatable, Sendable {
        /// Where they are.
        public let folder: String

        package init(folder: String) { self.folder = folder }

        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        public var key: String { folder + "/key.pem" }
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        public var certificate: String { folder + "/certificate.pem" }
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        public var authority: String { folder + "/ca.pem" }
        /// Those of its CA certificates that the registration service gave: an operator may have added others.
        public var givenAuthority: String { folder + "/ca.given.pem" }
    }

    /// The folder at a path, which is not touched.
    public init(path: String) { self.path = path }

    /// Whether anything has been begun here.
    public var hasRecord: Bool { exists(record) }

    package func exists(_ file: String) -> Bool {
        var status = stat()
        return lstat(file, &status) == 0
    }

    /// Whether a rotation has begun and not ended: the service may have the new key already.
    public var hasUnfinishedRotation: Bool { exists(nextIdentityKey) }
}
