import Bench
import Keys
import OperatorText
import SQLite
import SRUP

/// The CAs of a registry: one signs, and while it is being replaced a second one is trusted as well (docs/operations.md, "Changing the
/// broker's CA").
struct RegistryAuthorities {
    /// What a CA is for.
    enum State: String {
        /// It signs certificates.
        case signing
        /// It will sign; nodes and the broker already get its certificate.
        case next
        /// It signs only its revocation list; its certificates are still valid.
        case old
        /// It is not trusted any longer.
        case ended
    }

    /// A CA as it is stored.
    struct Stored: Equatable {
        let number: Int64
        let state: State
        let pem: [UInt8]
    }

    struct Member {
        let number: Int64
        let state: State
        let authority: CertificateAuthority

        var certificate: Certificate { authority.certificate }
    }

    /// As they are stored: to notice that another process has changed them.
    let stored: [Stored]
    /// All that are trusted, the signing one first.
    let members: [Member]

    var signing: Member { members[0] }
    var next: Member? { members.first { $0.state == .next } }
    var old: Member? { members.first { $0.state == .old } }
    /// Their certificates, as nodes and the broker get them.
    var pem: [UInt8] { Certificate.pem(members.map(\.certificate)) }
    /// The number of the newest one.
    var newest: Int64 { members.map(\.number).max() ?? 0 }

    /// - Throws: `OperatorError` if a key cannot be read, or is not a CA's.
    init(_ stored: [Stored], in folder: RegistryFolder, _ passphrase: Passphrase?) throws {
        self.stored = stored
        members = try stored.map {
            Member(number: $0.number, state: $0.state, authority: try folder.loadAuthority($0, passphrase))
        }
        guard members.first?.state == .signing else {
            throw OperatorFault("the registry in \(folder.path) has no CA that signs", hint: "restore it from a backup")
        }
    }

    func contains(key: [UInt8]) -> Bool { members.contains { (try? $0.certificate.publicKey().der) == key } }
}

extension Registry {
    /// The CAs as they are now: another process may have changed them.
    func authorities() throws -> RegistryAuthorities {
        let stored = try store.authorities()
        if let known = knownAuthorities, known.stored == stored { return known }
        let read = try RegistryAuthorities(stored, in: folder, passphrase)
        if knownAuthorities != nil { note("the CAs have changed: CA \(read.signing.number) signs") }
        knownAuthorities = read
        return read
    }

    func isReserved(_ key: [UInt8]) throws -> Bool { try own.isReserved(key) || authorities().contains(key: key) }
}

extension RegistryFolder {
    /// The private key of a CA.
    func authorityKey(_ number: Int64) -> String { number == 1 ? authorityKey : path + "/ca-\(number).key.pem" }

    fileprivate func loadAuthority(
        _ stored: RegistryAuthorities.Stored, _ passphrase: Passphrase?
    ) throws -> CertificateAuthority {
        let file = authorityKey(stored.number)
        let key: IdentityKey
        do { key = try IdentityKey(pemFile: file, passphrase: passphrase) } catch KeyError.notAKey, KeyError
            .otherContent
        {
            throw OperatorFault(
                "the CA's key \(file) cannot be read\(passphrase == nil ? "" : " with this passphrase")",
                hint: "give its passphrase: --ca-passphrase FILE")
        }
        do {
            return try CertificateAuthority(key: key, certificate: try Certificate(pem: stored.pem))
        } catch CertificateAuthority.Fault.keyDoesNotFit {
            throw OperatorFault(
                "\(file) is not the key of CA \(stored.number)", hint: "restore it and \(database) from one backup")
        } catch let error as EncodingError {
            throw OperatorFault(
                "the certificate of CA \(stored.number) in \(database): \(error.message)",
                hint: "restore it from a backup")
        }
    }
}

extension RegistryStore {
    /// Those that are trusted, the signing one first.
    func authorities() throws(DatabaseError) -> [RegistryAuthorities.Stored] {
        try database.rows(
            "SELECT number, state, certificate FROM authorities WHERE state <> 'ended' ORDER BY state <> 'signing', number"
        ).compactMap { row in
            row.text(1).flatMap(RegistryAuthorities.State.init).map {
                RegistryAuthorities.Stored(number: row.integer(0), state: $0, pem: row.blob(2))
            }
        }
    }

    /// The numbers of the CAs that are not trusted any longer.
    func endedAuthorities() throws(DatabaseError) -> [Int64] {
        try database.rows("SELECT number FROM authorities WHERE state = 'ended' ORDER BY number").map { $0.integer(0) }
    }

    /// The number for a new CA: each is used once.
    func nextAuthorityNumber() throws(DatabaseError) -> Int64 {
        (try database.rows("SELECT MAX(number) FROM authorities").first?.integer(0) ?? 0) + 1
    }

    func addAuthority(
        _ number: Int64, _ certificate: Certificate, _ state: RegistryAuthorities.State
    ) throws(DatabaseError) {
        try database.run(
            "INSERT INTO authorities VALUES (?, ?, ?)", .integer(number), .blob(certificate.pem), .text(state.rawValue))
    }

    func setAuthority(_ number: Int64, _ state: RegistryAuthorities.State) throws(DatabaseError) {
        try database.run("UPDATE authorities SET state = ? WHERE number = ?", .text(state.rawValue), .integer(number))
    }

    /// A node with a certificate that is valid now.
    struct Holder {
        let identity: Identifier
        /// The newest CA that has signed one of its certificates, and the newest whose certificate it was sent.
        let authority: Int64, newest: Int64
        /// The end of its latest certificate: seconds since 1970.
        let end: Int64
    }

    func holders(at now: Int64) throws(DatabaseError) -> [Holder] {
        try database.rows(
            "SELECT id, MAX(authority), MAX(newest), MAX(not_after) FROM certificates JOIN identities ON id = identity"
                + " WHERE identities.revoked IS NULL AND rekeyed IS NULL AND certificates.revoked IS NULL AND not_after > ?"
                + " GROUP BY id ORDER BY id", .integer(now)
        ).map {
            Holder(
                identity: Identifier($0.unsigned(0)), authority: $0.integer(1), newest: $0.integer(2),
                end: $0.integer(3))
        }
    }
}
