import Foundation

/// Certificates of a name, made with `openssl ca`: with any purpose, times, key and digest.
package struct ChainFixture {
    package static let authority = "basicConstraints=critical,CA:true"
    package static let server = "basicConstraints=CA:false\nsubjectAltName=DNS:localhost"
    package static let curve = "ec -pkeyopt ec_paramgen_curve:P-256"
    private static let past = ("20200101000000Z", "20210101000000Z")
    private static let future = ("20480101000000Z", "20490101000000Z")
    private static let now = ("20200101000000Z", "20490101000000Z")

    /// When a certificate is valid: until 2021, from 2020 to 2049, or from 2048.
    package enum Time { case past, now, future }

    package let folder: TemporaryFolder

    package init(folder: TemporaryFolder) { self.folder = folder }

    /// `FILE.pem` and `FILE.key`.
    /// - Parameter issuer: a file that was made before; nil: itself.
    package func make(
        _ file: String, named name: String? = nil, by issuer: String?, _ extensions: String, _ time: Time = .now,
        key: String = ChainFixture.curve, digest: String = "sha256"
    ) throws {
        let configuration = """
            [ca]
            default_ca = this
            [this]
            database = \(file).database
            new_certs_dir = .
            policy = names
            x509_extensions = extensions
            unique_subject = no
            rand_serial = yes
            [names]
            commonName = supplied
            [extensions]
            subjectKeyIdentifier = hash
            \(extensions)

            """
        try folder.write(Data(configuration.utf8), to: file + ".cnf")
        try folder.write(Data(), to: file + ".database")
        try folder.openssl(
            "req -new -newkey \(key) -nodes -subj /CN=\(name ?? file) -keyout \(file).key -out \(file).request")
        let (from, to) =
            switch time {
            case .past: Self.past
            case .now: Self.now
            case .future: Self.future
            }
        let signer = issuer.map { "-cert \($0).pem -keyfile \($0).key" } ?? "-selfsign -keyfile \(file).key"
        try folder.openssl(
            "ca -batch -config \(file).cnf -startdate \(from) -enddate \(to) -md \(digest) \(signer) -in \(file).request"
                + " -out \(file).pem -notext")
    }

    /// What a server presents: its own certificate with its key, then others, as `server.pem` and `server.key`.
    package func serve(_ own: String, _ others: [String]) throws {
        try write([own] + others, to: "server.pem")
        try folder.write(Data(contentsOf: folder.url.appending(path: own + ".key")), to: "server.key")
    }

    /// Several certificates in one file.
    package func write(_ files: [String], to target: String) throws {
        let all = try files.map { try Data(contentsOf: folder.url.appending(path: $0 + ".pem")) }
        try folder.write(all.reduce(Data(), +), to: target)
    }
}
