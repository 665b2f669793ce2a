import Foundation
import SystemSupport

/// A registry made and served by the real command, and a device that speaks to it as the reference's client does, with curl
/// and openssl alone. All of it is gone with the test.
final class RegistryProcess {
    let folder: String
    private(set) var url = ""
    private var process: Child?

    static let bench = Network.products + "/srup-bench"

    /// - Parameter hasProgram: whether the service has a broker read its files, whose process id is in `broker.pid`.
    init(options: [String] = [], hasProgram: Bool = false) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "srup-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Network.run(RegistryProcess.bench, ["keys", "--out", folder, "--bits", "2048", Node.c2.topicForm])
        try verb(
            "init",
            [
                "--host", "localhost", "--c2", Node.c2.topicForm, "--c2-key", folder + "/\(Node.c2.topicForm).pub.pem",
                "--bits", "2048", "--broker-certificate", "--c2-certificate",
            ])
        let program = folder + "/on-list"
        try writeProgram(program, "pid=${2%/*}/broker.pid; [ ! -s \"$pid\" ] || kill -HUP \"$(cat \"$pid\")\"")
        try start(options + (hasProgram ? ["--on-list", program] : []))
    }

    deinit {
        process?.end()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Runs one of the registry's verbs on this folder.
    @discardableResult
    func verb(_ verb: String, _ arguments: [String] = []) throws -> String {
        try Network.run(
            RegistryProcess.bench,
            ["registry"] + verb.split(separator: " ").map(String.init) + ["--folder", folder + "/registry"] + arguments)
    }

    var log: String { (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "" }

    func start(_ options: [String], environment: [String: String] = [:]) throws {
        try? FileManager.default.removeItem(atPath: folder + "/log")
        process = try Child(
            RegistryProcess.bench, ["registry", "run", "--folder", folder + "/registry", "--port", "0"] + options,
            output: folder + "/log", environment: environment)
        try eventually("the registry listens: \(log)") { log.contains("listening on ") && log.contains("\n") }
        url = String((log.split(separator: "\n").first ?? "").dropFirst("listening on ".count))
    }

    func stop() -> Int32 {
        defer { process = nil }
        return process?.end() ?? -1
    }

    /// Writes a program of /bin/sh. By another process: a child of this one could hold it open for writing, and then it cannot be started.
    func writeProgram(_ path: String, _ text: String) throws {
        try Network.run(
            "/bin/sh",
            [
                "-c", "printf '#!/bin/sh\\n%s\\n' \"$2\" >\"$1.new\" && chmod 0755 \"$1.new\" && mv \"$1.new\" \"$1\"",
                "sh", path, text,
            ])
    }

    /// The reply to curl: the status and the body's text.
    func curl(_ route: String, _ body: String? = nil, _ more: [String] = []) throws -> (status: String, text: String) {
        var arguments = [
            "-sS", "--max-time", "30", "--cacert", folder + "/registry/ca.pem", "-w", "\n%{http_code}",
            "\(url)/KeyEx/register/\(route)",
        ]
        if let body { arguments += ["-H", "Content-Type: application/json", "--data-raw", body] }
        let lines = try Network.run("/usr/bin/curl", arguments + more)
            .split(separator: "\n", omittingEmptySubsequences: false)
        return (String(lines.last ?? ""), lines.dropLast().joined(separator: "\n"))
    }

    func openssl(_ line: String) throws -> String {
        try Network.run("/usr/bin/openssl", line.split(separator: " ").map(String.init))
    }

    func read(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: "\(folder)/\(name)")) }

    /// Two keys and a request, as `ID.key`, `ID.tls.key`, `ID.csr`.
    func makeKeys(_ id: String) throws {
        for name in ["\(id).key", "\(id).tls.key"] { _ = try openssl("genrsa -out \(folder)/\(name) 2048") }
        _ = try openssl("rsa -in \(folder)/\(id).key -pubout -outform DER -out \(folder)/\(id).pub.der")
        _ = try openssl("req -new -sha256 -key \(folder)/\(id).tls.key -subj /CN=\(id) -out \(folder)/\(id).csr")
    }

    /// In lines, as Python's `encodebytes` writes it, inside JSON.
    func signature(by id: String, overFile name: String) throws -> String {
        _ = try openssl(
            "dgst -sha256 -sign \(folder)/\(id).key -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max"
                + " -out \(folder)/signature \(folder)/\(name)")
        return try lines("signature")
    }

    func lines(_ name: String) throws -> String {
        try read(name).base64EncodedString(options: [.lineLength76Characters, .endLineWithLineFeed])
            .replacing("\n", with: "\\n") + "\\n"
    }

    /// Registers, validates, and fetches a certificate into `ID.crt`: the statuses.
    func enrol(_ id: String, token: String? = nil) throws -> [String] {
        try makeKeys(id)
        let key = try read("\(id).pub.der").base64EncodedString()
        let extra = token.map { #","token":"\#($0)""# } ?? ""
        let registered = try curl("register", #"{"identity":"\#(id)","key":"\#(key)","type":"thing"\#(extra)}"#)
        try Data(id.utf8).write(to: URL(filePath: folder + "/id"))
        let proof = try signature(by: id, overFile: "id")
        let validated = try curl("validate", #"{"identity":"\#(id)","signature":"\#(proof)"}"#)
        let signature = try signature(by: id, overFile: "\(id).csr")
        let given = try curl(
            "access", #"{"csr":"\#(try lines("\(id).csr"))","identity":"\#(id)","signature":"\#(signature)"}"#)
        if let members = try? JSONDecoder().decode([String: String].self, from: Data(given.text.utf8)),
            let certificate = Data(base64Encoded: members["certificate"] ?? "")
        {
            try certificate.write(to: URL(filePath: "\(folder)/\(id).crt"))
        }
        return [registered.status, validated.status, given.status]
    }
}
