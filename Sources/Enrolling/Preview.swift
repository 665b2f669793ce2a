import Glibc
import Keys
import OperatorText
import SRUP

extension Enrolment {
    /// The identity of the enrolment in a folder; nil if none has been started.
    /// - Throws: `OperatorFault` if its record is damaged.
    public static func identity(in folder: CredentialFolder) throws(OperatorFault) -> Identifier? {
        try EnrolmentRecord(in: folder)?.identifier
    }

    /// The result of the finished enrolment in a folder.
    /// - Throws: `OperatorFault` if none has been finished there.
    public static func outcome(in folder: CredentialFolder) throws(OperatorFault) -> Outcome {
        guard let record = try EnrolmentRecord(in: folder), record.isValidated, folder.exists(folder.access.folder),
            let identity = record.identifier, let registration = record.registration
        else {
            throw OperatorFault(
                "no enrolment has been finished in \(folder.path)", hint: "enrol first, into that folder")
        }
        return Outcome(identity: identity, broker: registration.broker, server: registration.server)
    }

    /// What a run would do, without writing anything, here or at the service, which is only asked for its status.
    /// - Parameters:
    ///   - folder: nil if an existing one would be set aside first.
    ///   - path: of the folder, whether or not it exists.
    public static func preview(
        _ folder: CredentialFolder?, at path: String, _ registry: Registry, _ wish: Wish
    ) throws(OperatorFault) -> [String] {
        var lines: [String] = []
        if let folder, folder.exists(path) {
            try folder.check()
        } else {
            try checkRoom(for: path)
            lines.append("would make the folder \(path)")
        }
        let record = try folder.flatMap { folder throws(OperatorFault) in try EnrolmentRecord(in: folder) }
        let name = try registry.status().name
        lines.insert("the registration service \(name.text) at \(wish.address) is active", at: 0)
        if let identity = record?.identity {
            lines.append("would go on as \(identity)")
        } else {
            lines.append("would choose \(wish.identity.map { "the identity \($0.topicForm)" } ?? "a new identity")")
        }
        let hasKey = folder.map { $0.exists($0.identityKey) } ?? false
        if !hasKey {
            switch wish.origin {
            case .made: lines.append("would make an identity key of \(wish.bits) bits")
            case .tpm: lines.append("would have the TPM make an identity key of \(wish.bits) bits")
            case .given(let file): lines.append("would take the identity key that \(file) holds or names")
            }
        }
        if record?.told == nil { lines.append("would register it as \"\(record?.type ?? wish.type)\"") }
        if record?.isValidated != true { lines.append("would prove that the key is ours") }
        let hasAccess = folder.map { $0.exists($0.access.folder) } ?? false
        if !hasAccess { lines.append("would make an access key of \(wish.bits) bits, and have it certified") }
        return lines
    }

    /// We must be able to create folders in the nearest existing one.
    private static func checkRoom(for path: String) throws(OperatorFault) {
        var around = path
        var status = stat()
        repeat {
            around = around.lastIndex(of: "/").map { String(around[..<$0]) } ?? ""
        } while !around.isEmpty && lstat(around, &status) != 0
        guard access(around.isEmpty ? "/" : around, W_OK) == 0 else {
            throw OperatorFault(
                "the folder \(path) cannot be created: \(String(cString: strerror(errno)))",
                hint: "create it for the beacon's user: install -d -m 0700 -o USER \(path)")
        }
    }
}
