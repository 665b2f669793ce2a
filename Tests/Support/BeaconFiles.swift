import Foundation

/// The files with which a beacon could start: keys, certificates, and a configuration that names them.
package struct BeaconFiles {
    package let folder: TemporaryFolder
    package var state: String { folder.path("state") }
    package var identityKey: String { folder.path("identity.pem") }
    package var authority: String { folder.path("ca.pem") }
    package var accessKey: String { folder.path("tls.key") }
    package var serverKey: String { folder.path("server.pub.pem") }
    /// A TLS key that belongs to no certificate here.
    package var otherAccessKey: String { folder.path("other.key") }

    package static func with(_ body: (BeaconFiles) throws -> Void) throws {
        try TemporaryFolder.with { try body(try BeaconFiles($0)) }
    }

    private init(_ folder: TemporaryFolder) throws {
        self.folder = folder
        _ = try folder.privateCopy(of: TestKeys.file("obs_2048.pkcs1"), as: "identity.pem")
        try folder.write(Data(contentsOf: TestKeys.file("c2_2048.pub")), to: "server.pub.pem", mode: 0o644)
        for name in ["ca", "tls", "other"] {
            try folder.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out \(name).key")
            try folder.set(mode: 0o600, of: name + ".key")
        }
        try folder.openssl("req -x509 -days 30 -key ca.key -subj /CN=authority -out ca.pem")
        try folder.openssl("req -new -key tls.key -subj /CN=bea0000000000001 -out request")
        try folder.openssl("x509 -req -in request -CA ca.pem -CAkey ca.key -days 30 -out cert.pem")
        for name in ["ca.pem", "cert.pem"] { try folder.set(mode: 0o644, of: name) }
    }

    /// Writes the configuration with other values for some keys, by section, and gives its path. Nothing answers at its broker's address.
    package func configuration(_ changes: [String: [String: String]] = [:]) throws -> String {
        let usual = [
            "beacon": ["identity": "bea0000000000001", "key": identityKey, "state": state],
            "broker": [
                "address": "localhost:1", "ca": authority, "certificate": folder.path("cert.pem"), "key": accessKey,
            ],
            "server c2": ["key": serverKey],
            "link": ["rfcomm": "off", "l2cap": "off", "le": "off", "local": folder.path("link")],
        ]
        let all = usual.merging(changes) { $0.merging($1) { $1 } }
        let text = all.sorted { $0.key < $1.key }.map { section, values in
            "[\(section)]\n" + values.sorted { $0.key < $1.key }.map { "\($0) = \($1)\n" }.joined()
        }
        return try folder.write(Data(text.joined().utf8), to: "beacon.conf", mode: 0o644)
    }
}
