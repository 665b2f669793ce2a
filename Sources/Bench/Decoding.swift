import FoundationEssentials
import Keys
import SRUP

/// The result of `srup-bench decode` for one frame: its content, or the layer that refuses it.
public struct Decoded: Equatable, Sendable {
    /// The checks of a frame, in this order.
    public enum Layer: String, Sendable {
        /// The shape: version, type, lengths, nothing left over.
        case frame
        /// The signature, if it should be checked.
        case signature
        /// The envelope around the value, if it should be opened.
        case seal
        /// The content of the envelope: 16 bytes, or 32 hexadecimal digits.
        case value
    }

    /// One object for standard output.
    public let json: JSON
    /// The layer that refused; nil if all checks passed.
    public let refusedBy: Layer?

    /// Decodes a frame.
    ///
    /// This is the only place where a value becomes text: the operator has the private key and asks for exactly this.
    /// - Parameters:
    ///   - bytes: the frame as received.
    ///   - verifier: the key that must verify its signature; nil: not checked.
    ///   - opener: the key that unseals the value, which must then be present; nil: not unsealed.
    public init(_ bytes: [UInt8], verifyWith verifier: PublicKey?, openWith opener: IdentityKey?) {
        let frame: UnverifiedFrame
        do throws(FrameError) { frame = try UnverifiedFrame(bytes) } catch {
            self.init(.frame, error.description)
            return
        }
        if let verifier {
            do throws(VerificationError) {
                _ = try frame.verified(by: PublicKeys([frame.claimedSender: verifier]))
            } catch {
                self.init(.signature, error.description)
                return
            }
        }
        let message = frame.unverifiedMessage
        var fields: [String: JSON] = [
            "version": .number(UInt64(Message.version)), "type": .number(UInt64(message.body.type.rawValue)),
            "name": .text(message.body.type.name), "sequence_id": .text(message.sequence.description),
            "sender": .text(message.sender.description), "token_hex": .text(hexadecimal(message.token.bytes)),
            "body": .object(message.body.fields), "signature": .text(verifier == nil ? "unchecked" : "valid"),
        ]
        if let opener {
            guard let sealed = message.body.sealed else {
                self.init(.seal, "\(message.body.type.name) has no sealed value")
                return
            }
            do throws(UnsealingError) {
                fields["value_hex"] = .text(try opener.unseal(sealed.bytes).withBytes { hexadecimal($0) })
            } catch {
                self.init(error == .seal ? .seal : .value, error.description)
                return
            }
        }
        self.init(json: .object(fields), refusedBy: nil)
    }

    private init(_ layer: Layer, _ reason: String) {
        self.init(json: .object(["refused": .text(layer.rawValue), "reason": .text(reason)]), refusedBy: layer)
    }

    private init(json: JSON, refusedBy: Layer?) { (self.json, self.refusedBy) = (json, refusedBy) }

    /// The frame in the content of a file: hexadecimal digits with white space anywhere, or the raw bytes. A raw frame begins with the
    /// byte 05, which is neither.
    public static func frame(in file: [UInt8]) -> [UInt8] {
        let digits = file.filter { !" \t\r\n".utf8.contains($0) }
        return bytes(hexadecimal: digits) ?? file
    }
}

/// A JSON value, for objects whose fields depend on the message.
public enum JSON: Equatable, Sendable, Encodable {
    /// A whole number.
    case number(UInt64)
    /// A string.
    case text(String)
    /// An object.
    indirect case object([String: JSON])

    /// The value as it is.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .number(let number): try container.encode(number)
        case .text(let text): try container.encode(text)
        case .object(let fields): try container.encode(fields)
        }
    }

    /// On one line, keys sorted.
    public var line: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else { preconditionFailure("text and numbers are JSON") }
        return String(decoding: data, as: UTF8.self)
    }
}

extension Body {
    /// The sealed value, in the messages that have one.
    var sealed: Octets? {
        switch self {
        case .humanJoinResponse(let sealed), .observedJoinResponse(let sealed), .observationRequest(_, let sealed),
            .syndicationInitiate(_, let sealed), .syndicationRequest(let sealed):
            sealed
        case .initiate, .response, .activate, .action, .data, .identityRequest, .joinRequest, .joinCommand,
            .humanJoinRequest, .observedJoinRequest, .resignRequest, .terminateCommand, .deregisterRequest,
            .deregisterCommand, .syndicatedAction, .syndicatedData, .syndicatedIdentityRequest, .syndicatedDeviceCount,
            .syndicatedDeviceList, .syndicatedC2Request, .syndicationEnd, .syndicationTerminate:
            nil
        }
    }

    /// The fields under the names of Tests/Vectors; identifiers have 16 digits, names of bytes end in `_hex`.
    var fields: [String: JSON] {
        var fields = plainFields
        if let sealed { fields["sealed_hex"] = sealed.json }
        fields.merge(proofFields) { $1 }
        return fields
    }

    private var plainFields: [String: JSON] {
        switch self {
        case .initiate(let url, let digest): ["url_hex": url.json, "digest_hex": digest.json]
        case .response(let status):
            ["status": .number(UInt64(status.rawValue)), "status_name": .text(status.description)]
        case .action(let action): ["action_id": .number(UInt64(action))]
        case .data(let id, let data): ["data_id_hex": id.json, "data_hex": data.json]
        case .joinCommand(let device): ["device_id": device.json]
        case .observedJoinRequest(let observer): ["observer_id": observer.json]
        case .observationRequest(let joining, _): ["joining_device_id": joining.json]
        case .syndicationInitiate(let url, _): ["url_hex": url.json]
        case .syndicatedAction(let action, let target):
            ["action_id": .number(UInt64(action)), "target_id": target.json]
        case .syndicatedData(let id, let data, let source):
            ["data_id_hex": id.json, "data_hex": data.json, "source_id": source.json]
        case .syndicatedIdentityRequest(let target): ["target_id": target.json]
        case .syndicatedDeviceCount(let count): ["count": .number(UInt64(count))]
        case .syndicatedDeviceList(let sequence, let device):
            ["device_sequence": .number(UInt64(sequence)), "device_id": device.json]
        case .syndicatedC2Request(let data, let request):
            ["data_hex": data.json, "req_id": .number(UInt64(request))]
        case .activate, .identityRequest, .joinRequest, .humanJoinRequest, .humanJoinResponse, .observedJoinResponse,
            .resignRequest, .terminateCommand, .deregisterRequest, .deregisterCommand, .syndicationRequest,
            .syndicationEnd, .syndicationTerminate:
            [:]
        }
    }
}

extension Octets {
    fileprivate var json: JSON { .text(hexadecimal(bytes)) }
}

extension Identifier {
    fileprivate var json: JSON { .text(description) }
}
