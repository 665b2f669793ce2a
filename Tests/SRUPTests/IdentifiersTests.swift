import Foundation
import SRUP
import TestVectors
import Testing

@Suite("Identifiers, tokens and topics")
struct IdentifiersTests {
    @Test("our topics are the reference's wherever its own forms agree")
    func topics() throws {
        let consistent = try Vectors.topics().byID.filter(\.consistent)
        #expect(consistent.count == 6)
        for vector in consistent {
            let id = try #require(Identifier(hexadecimal: vector.id))
            #expect(Topic.of(device: id) == vector.deviceTopic)
            #expect(Topic.of(device: id) == vector.serverReplyTopicFromJoin)
            #expect(id.topicForm == vector.joinTopicSuffix)
            #expect(id.description == vector.id)
        }
    }

    /// 0, 1 and 5: the reference's server looks for their keys under two digits, so it never answers them. Our topic is
    /// the one that its device listens on all the same.
    @Test("identifiers below 0x10, with which the reference disagrees, get its device's topic")
    func inconsistent() throws {
        let others = try Vectors.topics().byID.filter { !$0.consistent }
        #expect(others.map(\.id) == ["0000000000000000", "0000000000000001", "0000000000000005"])
        for vector in others {
            #expect(try Topic.of(device: #require(Identifier(hexadecimal: vector.id))) == vector.deviceTopic)
        }
    }

    @Test("an identity as an operator writes it gives the topic on which the server replies, and 0x is refused")
    func configured() throws {
        for vector in try Vectors.topics().byConfiguredIdentity {
            let id = Identifier(hexadecimal: vector.configuredIdentity)
            if vector.configuredIdentity.hasPrefix("0x") {
                #expect(id == nil)
            } else {
                #expect(id?.description == vector.senderID)
                #expect(id.map { Topic.of(device: $0) } == vector.serverRepliesOn)
            }
        }
    }

    @Test("join requests go to the server's topic and everything else to the device's", arguments: MessageType.allCases)
    func publishing(type: MessageType) {
        let joins: [MessageType] = [.joinRequest, .humanJoinRequest, .observedJoinRequest]
        let topic = Samples.message(of: type).topic(to: Identifier(0xAB))
        #expect(topic == (joins.contains(type) ? "SRUP/servers/ab/5f1e2d3c4b5a6978" : "SRUP/5f1e2d3c4b5a6978"))
    }

    @Test("a server's filter matches its join requests")
    func filter() {
        #expect(Topic.joinRequests(to: Identifier(0x0A0B)) == "SRUP/servers/a0b/#")
    }

    @Test("an identifier is 1 to 16 hexadecimal digits and nothing else")
    func identifier() {
        #expect(Identifier(hexadecimal: "0123456789abcDEF")?.number == 0x0123_4567_89AB_CDEF)
        #expect(Identifier(hexadecimal: "f")?.number == 15)
        for text in ["", "00000000000000000", "+1", "-1", "0x1", " 1", "1 ", "g", "1_0", "é", "１", "a\n"] {
            #expect(Identifier(hexadecimal: text) == nil, "\"\(text)\"")
        }
    }

    @Test("a token has 1 to 65,535 bytes")
    func token() {
        #expect(Token([]) == nil)
        #expect(Token([0])?.bytes == [0])
        #expect(Token([UInt8](repeating: 7, count: 65_535))?.bytes.count == 65_535)
        #expect(Token([UInt8](repeating: 7, count: 65_536)) == nil)
    }

    @Test("a new token is a lower-case UUID of version 4")
    func newToken() throws {
        #expect(Token(random: [UInt8](repeating: 0, count: 16)).description == "00000000-0000-4000-8000-000000000000")
        #expect(Token(random: [UInt8](repeating: 255, count: 16)).description == "ffffffff-ffff-4fff-bfff-ffffffffffff")
        let token = Token(random: Array(0..<16))
        #expect(token.bytes.count == 36)
        #expect(UUID(uuidString: token.description)?.uuidString.lowercased() == token.description)
    }

    @Test("the token of an OBSERVE_REQ names its server and its beacon, and is for no other node")
    func parties() throws {
        let (server, beacon) = (Identifier(0xC2), Identifier(0xBEA_0000))
        let token = Token(random: Array(0..<16), server: server, beacon: beacon)
        #expect(token.description.hasSuffix("@00000000000000c2@000000000bea0000"))
        #expect(token.parties?.server == server && token.parties?.beacon == beacon)
        #expect(token.mayBe(from: server, for: beacon))
        #expect(!token.mayBe(from: Identifier(0xC3), for: beacon))
        #expect(!token.mayBe(from: server, for: Identifier(0xBEA_0001)))
    }

    @Test("a token of a command names its node, and one of the reference names none")
    func mayBe() throws {
        let command = Token(random: Array(0..<16), for: Identifier(0xBEA))
        #expect(command.mayBe(from: Identifier(1), for: Identifier(0xBEA)))
        #expect(!command.mayBe(from: Identifier(1), for: Identifier(0xBEB)))
        for text in [
            "plain", "@00000000000000c2@000000000bea0000", "t@0c2@000000000bea0000",
            "t@00000000000000c2@000000000bea000g",
        ] {
            let token = try #require(Token(text.utf8))
            #expect(token.parties == nil, "\(text)")
            #expect(token.mayBe(from: Identifier(1), for: Identifier(2)), "\(text)")
        }
    }

    @Test("a token that could upset a terminal is shown in hexadecimal, and a long one is cut")
    func shownToken() throws {
        #expect(try #require(Token("plain-token".utf8)).description == "plain-token")
        #expect(try #require(Token([0x1B, 0x5B])).description == "0x1b5b")
        #expect(try #require(Token("a b".utf8)).description == "0x612062")
        let long = try #require(Token([UInt8](repeating: 0x61, count: 97))).description
        #expect(long == "0x" + String(repeating: "61", count: 64) + "… (97 bytes)")
    }

    @Test("the reference's NUL is added and removed once")
    func terminated() {
        #expect(Octets(terminated: "ab").bytes == [0x61, 0x62, 0])
        #expect(Octets([0x61, 0x62, 0]).terminatedText == "ab")
        #expect(Octets([0x61, 0x62]).terminatedText == "ab")
        #expect(Octets([0x61, 0, 0]).terminatedText == "a\0")
        #expect(Octets([]).terminatedText?.isEmpty == true)
        #expect(Octets([0xFF, 0]).terminatedText == nil)
    }

    @Test("a status is shown by its name or its code")
    func status() {
        #expect(Status.observedJoinValid.rawValue == 0x60)
        #expect(Status.observedJoinInvalid.rawValue == 0x6E)
        #expect(Status.observedJoinFail.rawValue == 0x6F)
        #expect(Status(rawValue: 0x6E).description == "observed join invalid")
        #expect(Status(rawValue: 0x99).description == "status 0x99")
        let named = (UInt8.min...UInt8.max).map { Status(rawValue: $0).description }.filter { !$0.hasPrefix("status") }
        #expect(Set(named).count == 21)
    }

    @Test("each named status has its code's name, and no other code has a name")
    func statusNames() {
        let named = (UInt8.min...UInt8.max).map { Status(rawValue: $0) }.filter { $0.name != nil }
        #expect(named.count == Status.Name.allCases.count)
        #expect(named.allSatisfy { $0.name.map { Status($0) } == $0 })
        #expect(Status(.observedJoinInvalid) == .observedJoinInvalid && Status(rawValue: 0x99).name == nil)
    }

    @Test("actions have the codes 1 to 4; each data id is read back from its bytes, and nothing else is")
    func actionsAndData() {
        #expect(Action.allCases.map(\.rawValue) == [1, 2, 3, 4])
        for id in DataID.allCases { #expect(DataID(id.octets) == id) }
        for text in ["", "IDENTIFICATION ", "identification", "IDENTIFICATION\0", "IDENTIFICATIO"] {
            #expect(DataID(Octets(text.utf8)) == nil, "\(text)")
        }
    }

    @Test("hexadecimal is written and read back, in either case, and odd lengths and other characters are refused")
    func hexadecimalDigits() {
        let all = Array(UInt8.min...UInt8.max)
        #expect(bytes(hexadecimal: hexadecimal(all).utf8) == all)
        #expect(bytes(hexadecimal: hexadecimal(all).uppercased().utf8) == all)
        #expect(hexadecimal([0x00, 0x0F, 0xA0]) == "000fa0")
        for text in ["0", "0g", "123", "0x12", " 12", "/0", ":0", "@0", "G0", "`0"] {
            #expect(bytes(hexadecimal: text.utf8) == nil, "\"\(text)\"")
        }
        #expect(bytes(hexadecimal: "".utf8) == [])
    }
}
