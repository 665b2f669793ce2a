import ProofLink
import SRUP

/// A usual mistake in computing a device's frame: one change of the recipe.
package struct Mistake: Sendable {
    /// What follows "correct if": `the device id were little-endian`.
    package let clause: String
    /// The frames in which it shows.
    let kinds: Set<DeviceFrame>
    let change: @Sendable (inout Recipe) -> Void

    init(_ clause: String, in kinds: Set<DeviceFrame>, _ change: @escaping @Sendable (inout Recipe) -> Void) {
        (self.clause, self.kinds, self.change) = (clause, kinds, change)
    }

    private static let tags: Set<DeviceFrame> = [.claim, .proof, .keyedProof]
    private static let keyed: Set<DeviceFrame> = [.claim, .keyedProof, .signature]
    private static let all: Set<DeviceFrame> = [.claim, .proof, .keyedProof, .signature]

    /// All that are tried, the likeliest first.
    package static let usual: [Mistake] = [identifiers, values, order, prefixes, transports, keys, signatures].flatMap {
        $0
    }

    private static func reversed(_ part: Recipe.Part) -> @Sendable (inout Recipe) -> Void {
        { $0.parts[part]?.reverse() }
    }

    private static func exchanged(_ one: Recipe.Part, _ other: Recipe.Part) -> @Sendable (inout Recipe) -> Void {
        { recipe in (recipe.parts[one], recipe.parts[other]) = (recipe.parts[other], recipe.parts[one]) }
    }

    private static func missing(_ missing: Recipe.Part...) -> @Sendable (inout Recipe) -> Void {
        { recipe in missing.forEach { recipe.parts[$0] = nil } }
    }

    private static let identifiers: [Mistake] = [
        Mistake("the device id were little-endian", in: all.union([.ready]), reversed(.device)),
        Mistake("the beacon id were little-endian", in: all, reversed(.beacon)),
        Mistake("the server id were little-endian", in: keyed, reversed(.server)),
        Mistake("all identifiers were little-endian", in: all) { recipe in
            for part in [Recipe.Part.device, .beacon, .server] { recipe.parts[part]?.reverse() }
        },
        Mistake("the identifiers were written as 16 hexadecimal digits", in: all) { recipe in
            for part in [Recipe.Part.device, .beacon, .server] {
                recipe.parts[part] = recipe.parts[part].map { Array(hexadecimal($0).utf8) }
            }
        },
        Mistake("the server id stood in the place of the device id", in: all.union([.ready])) {
            $0.parts[.device] = $0.parts[.server]
        },
        Mistake("the beacon id stood in the place of the device id", in: all.union([.ready])) {
            $0.parts[.device] = $0.parts[.beacon]
        },
        Mistake("the beacon id and the device id were exchanged", in: all, exchanged(.beacon, .device)),
        Mistake("the device id and the server id were exchanged", in: keyed, exchanged(.device, .server)),
        Mistake("the beacon id were zero, as in the HELLO of a private beacon", in: all) {
            $0.parts[.beacon] = [UInt8](repeating: 0, count: 8)
        },
        Mistake("the device id were zero", in: all.union([.ready])) {
            $0.parts[.device] = [UInt8](repeating: 0, count: 8)
        },
    ]

    private static let values: [Mistake] = [
        Mistake("the value were its 32 lower-case hexadecimal digits", in: tags.union([.value])) {
            $0.value = Array(hexadecimal($0.value).utf8)
        },
        Mistake("the value were its 32 upper-case hexadecimal digits", in: tags.union([.value])) {
            $0.value = Array(hexadecimal($0.value).uppercased().utf8)
        },
        Mistake("the value were the first 16 of its hexadecimal digits", in: tags.union([.value])) {
            $0.value = Array(hexadecimal($0.value).utf8.prefix(16))
        },
        Mistake("the bytes of the value were reversed", in: tags.union([.value])) { $0.value.reverse() },
        Mistake("the value were two numbers of 64 bits, each little-endian", in: tags.union([.value])) {
            $0.value = $0.value.prefix(8).reversed() + $0.value.suffix(8).reversed()
        },
    ]

    private static let order: [Mistake] = [
        Mistake("the link nonce and the challenge were exchanged", in: [.proof], exchanged(.linkNonce, .challenge)),
        Mistake(
            "the challenge and the device nonce were exchanged", in: [.proof, .keyedProof, .signature],
            exchanged(.challenge, .nonce)),
        Mistake("the link nonce and the device nonce were exchanged", in: [.proof], exchanged(.linkNonce, .nonce)),
        Mistake("the link nonce were left out", in: all, missing(.linkNonce)),
        Mistake("the challenge were left out", in: [.proof, .keyedProof, .signature], missing(.challenge)),
        Mistake("the device nonce were left out", in: [.proof, .keyedProof, .signature], missing(.nonce)),
    ]

    private static let prefixes: [Mistake] = [
        Mistake(
            "the prefix began with the link nonce, without version and modes", in: keyed,
            missing(.version, .modes, .mode)),
        Mistake("the version were left out of the prefix", in: keyed, missing(.version)),
        Mistake("the offered modes were left out of the prefix", in: keyed, missing(.modes)),
        Mistake("the chosen mode were left out of the prefix", in: keyed, missing(.mode)),
        Mistake("the server id were left out of the prefix", in: keyed, missing(.server)),
        Mistake("the transport were left out of the prefix", in: keyed, missing(.transport)),
        Mistake("the prefix held the modes that the device knows, not those that HELLO offered", in: keyed) { recipe in
            recipe.parts[.modes] = recipe.parts[.modes].map { $0.map { $0 & 0x07 } }
        },
        Mistake("the prefix held keyed mode alone, not the modes that HELLO offered", in: keyed) {
            $0.parts[.modes] = [Modes.keyed.rawValue]
        },
        Mistake("the chosen mode in the prefix were its bit in HELLO", in: keyed) {
            $0.parts[.mode] = [Modes.keyed.rawValue]
        },
    ]

    private static let transports: [Mistake] = [("local", UInt8(0)), ("RFCOMM", 1), ("L2CAP", 2), ("LE", 3)].map {
        name, number in
        Mistake("the transport were \(number), \(name)", in: keyed) { $0.parts[.transport] = [number] }
    }

    private static let keys: [Mistake] = [
        Mistake("K(device) were used in the place of K(claim)", in: [.claim]) {
            $0.labels[.claimWord] = Array("device".utf8)
        },
        Mistake("K(claim) were used in the place of K(device)", in: [.keyedProof]) {
            $0.labels[.deviceWord] = Array("claim".utf8)
        },
        Mistake("K(beacon) were used", in: [.claim, .keyedProof]) {
            $0.labels[.claimWord] = Array("beacon".utf8)
            $0.labels[.deviceWord] = Array("beacon".utf8)
        },
        Mistake("the value itself were the key, not K(word)", in: [.claim, .keyedProof]) { $0.hasNoDerivedKeys = true },
        Mistake("the text before the word in K(word) lacked its space", in: [.claim, .keyedProof]) {
            $0.labels[.key]?.removeLast()
        },
        Mistake("the text in K(word) ended with a zero byte", in: [.claim, .keyedProof]) {
            $0.labels[.claimWord]?.append(0)
            $0.labels[.deviceWord]?.append(0)
        },
        Mistake("the claim were the last 16 bytes of its HMAC", in: [.claim]) { $0.takesLastBytes = true },
        Mistake("the text before the context were left out", in: [.proof]) { $0.labels[.proof] = [] },
        Mistake("the text before the context ended with a zero byte", in: [.proof]) { $0.labels[.proof]?.append(0) },
        Mistake("the text before the context were the beacon's", in: [.proof]) {
            $0.labels[.proof] = Array("SRUP proof link v1 beacon".utf8)
        },
        Mistake("it were the tag of the other mode", in: [.proof, .keyedProof]) { $0.isOfOtherMode = true },
        Mistake("it were SHA-256 of key and message, not HMAC", in: tags) { $0.isPlainHash = true },
    ]

    private static let signatures: [Mistake] = [
        Mistake("the signed text were left out", in: [.signature]) { $0.labels[.signature] = [] },
        Mistake("the signed text ended with a zero byte", in: [.signature]) { $0.labels[.signature]?.append(0) },
        Mistake("the tag of PROOF were left out of what is signed", in: [.signature], missing(.tag)),
        Mistake("what is signed were hashed twice", in: [.signature]) { $0.hashesTwice = true },
    ]
}
