import Files
import Glibc
import Keys
import OperatorText
import SRUP

/// A file with certificates that the configuration names, or that the enrolment keeps.
package enum CertificateFile: Equatable, Sendable {
    /// Our client certificate, and the CAs' between it and the broker's CA.
    case own(String)
    /// The CAs of the broker.
    case broker(String)
    /// The CAs of the web servers with updates.
    case update(String)
    /// The CAs of the registration service.
    case registry(String)

    /// Where it is.
    package var path: String {
        switch self {
        case .own(let path), .broker(let path), .update(let path), .registry(let path): path
        }
    }

    /// What to do about a certificate that has expired.
    fileprivate var renewal: String {
        switch self {
        case .own: "renew it: srup-beacon renew, or the way it was made"
        case .broker: "put the CA's renewed certificate into [broker] ca"
        case .update: "put the CA's renewed certificate into [update] ca"
        case .registry: "give the service's present CA: srup-beacon renew --ca FILE"
        }
    }
}

/// What is wrong with a certificate in a file, or soon will be.
package struct CertificateFinding: Equatable, Sendable {
    /// Whether it cannot be used, by this machine's clock or in any case.
    package let isBad: Bool
    /// What is wrong: one line, without the file.
    package let message: String
    /// What to do about it.
    package let hint: String
    private let file: CertificateFile

    fileprivate init(_ file: CertificateFile, isBad: Bool, _ message: String, hint: String) {
        (self.file, self.isBad, self.message, self.hint) = (file, isBad, message, hint)
    }

    /// The same with the file, as an error.
    package var fault: OperatorFault { OperatorFault("\(file.path): \(message)", hint: hint) }
}

extension Configuration {
    /// A certificate that ends within this many days is reported.
    private static let noticeDays: Int64 = 7

    /// The files with certificates that this beacon uses.
    package var certificateFiles: [CertificateFile] {
        let registry = CredentialFolder(managing: self)?.serviceAuthority
        let isThere = registry.map { access($0, F_OK) == 0 } ?? false
        return [.own(tls.certificate), .broker(tls.authority)] + (updates.authority.map { [.update($0)] } ?? [])
            + (registry.map { isThere ? [.registry($0)] : [] } ?? [])
    }

    /// What is wrong with the certificates of these files: names, purposes, order, times. The first unusable file is not one of the
    /// findings but an error elsewhere (`TLSFiles.check`).
    ///
    /// This machine's clock may be wrong, and a beacon renews its own certificate while it runs: so times keep it neither from
    /// starting nor a configuration from being valid.
    /// - Parameter now: seconds since 1970.
    package func certificateFindings(at now: Int64) -> [CertificateFinding] {
        certificateFiles.flatMap { findings(in: $0, at: now) }
    }

    /// - Parameter now: seconds since 1970.
    package func findings(in file: CertificateFile, at now: Int64) -> [CertificateFinding] {
        let all: [Certificate]
        do throws(FileError) { all = try Configuration.read(file) } catch {
            let hint = "let the beacon's user read it, and enter the folders above it: ls -ld \(file.path)"
            return [.init(file, isBad: true, "it cannot be read: \(error)", hint: hint)]
        }
        guard let first = all.first else {
            return [
                .init(
                    file, isBad: true, "it holds no certificate, or one that is damaged",
                    hint: "put certificates in PEM there")
            ]
        }
        switch file {
        case .own:
            let name = nameFinding(file, first)
            return (name.map { [$0] } ?? []) + Configuration.chainFindings(file, all)
                + all.compactMap { Configuration.timeFinding(file, $0, now, isNeeded: true) }
        case .broker, .update, .registry:
            // An old CA beside one that is valid does no harm: that is how a CA is replaced.
            let isOver = !all.contains { $0.notBefore <= now && now < $0.notAfter }
            return Configuration.authorityFindings(file, all)
                + all.compactMap { Configuration.timeFinding(file, $0, now, isNeeded: isOver) }
        }
    }

    /// Refuses another node's client certificate: a broker that gives each client the topics of its certificate's name would not let us
    /// use ours, and two clients of one name would disconnect each other.
    /// - Throws: `OperatorFault`.
    package func checkCertificateName() throws(OperatorFault) {
        let file = CertificateFile.own(tls.certificate)
        guard let own = Configuration.certificates(in: file).first, let finding = nameFinding(file, own), finding.isBad
        else { return }
        throw finding.fault
    }

    /// Until when a file is of use, in seconds since 1970: our own certificate with those that go with it, or the last of several CAs.
    package static func end(of file: CertificateFile) -> Int64? {
        let ends = certificates(in: file).map(\.notAfter)
        if case .own = file { return ends.min() }
        return ends.max()
    }

    /// The most bytes of such a file: Debian's own file with all its CAs has 220 KB.
    private static let maximumLength = 4 << 20

    private static func certificates(in file: CertificateFile) -> [Certificate] { (try? read(file)) ?? [] }

    private static func read(_ file: CertificateFile) throws(FileError) -> [Certificate] {
        let bytes = try File.read(file.path, atMost: maximumLength, isFollowing: true)
        return (try? Certificate.all(pem: bytes, atMost: maximumLength)) ?? []
    }

    /// The name that the broker knows us by, if it is not our identity as topics have it.
    private func nameFinding(_ file: CertificateFile, _ own: Certificate) -> CertificateFinding? {
        let wanted = identity.topicForm
        guard let name = own.firstCommonName, name != wanted else {
            guard own.firstCommonName == nil else { return nil }
            return .init(
                file, isBad: false, "the client certificate has no common name, and brokers take it for our user name",
                hint: "have it issued for CN = \(wanted)")
        }
        guard let other = Identifier(hexadecimal: name), other != identity else {
            return .init(
                file, isBad: false,
                "the client certificate is for \"\(name)\", and not for our identity as topics have it",
                hint:
                    "let the broker's access list give SRUP/\(wanted) to that name, or have it issued for CN = \(wanted)"
            )
        }
        return .init(
            file, isBad: true,
            "the client certificate is another node's, \(other.topicForm), and this beacon is \(wanted)",
            hint: "name this beacon's own certificate and key in [broker], or correct [beacon] identity")
    }

    private static func chainFindings(_ file: CertificateFile, _ all: [Certificate]) -> [CertificateFinding] {
        let purpose = all.prefix(1).filter { !$0.isForClients }.map {
            CertificateFinding(
                file, isBad: true, "\"\($0.shownSubject)\" is not for TLS clients",
                hint: "have it issued with extendedKeyUsage = clientAuth")
        }
        let order = zip(all, all.dropFirst()).filter { !$0.names(issuer: $1) }.map { lower, upper in
            CertificateFinding(
                file, isBad: false,
                "\"\(upper.shownSubject)\" stands after \"\(lower.shownSubject)\", and did not issue it",
                hint: "put our own certificate first, then the CA's that issued it, then the CA's above that one")
        }
        return purpose + order
    }

    private static func authorityFindings(_ file: CertificateFile, _ all: [Certificate]) -> [CertificateFinding] {
        all.filter { !$0.maySignOthers && !$0.isSelfIssued }.map {
            CertificateFinding(
                file, isBad: true, "\"\($0.shownSubject)\" is not a CA's",
                hint: "leave that one out, and put in the certificate of the CA that issued it")
        }
    }

    private static func timeFinding(
        _ file: CertificateFile, _ one: Certificate, _ now: Int64, isNeeded: Bool
    ) -> CertificateFinding? {
        let subject = "\"\(one.shownSubject)\""
        if now >= one.notAfter {
            return .init(
                file, isBad: isNeeded, "\(subject) expired on \(Timestamp(one.notAfter))",
                hint: file.renewal + "; or correct this machine's clock")
        }
        if now < one.notBefore {
            return .init(
                file, isBad: isNeeded, "\(subject) is not valid before \(Timestamp(one.notBefore))",
                hint: "correct this machine's clock")
        }
        guard one.notAfter - now < noticeDays * 86_400 else { return nil }
        return .init(
            file, isBad: false, "\(subject) expires soon, on \(Timestamp(one.notAfter))", hint: file.renewal)
    }
}

extension Certificate {
    /// The subject within bounds.
    fileprivate var shownSubject: String { printable(subject.utf8) }
}
