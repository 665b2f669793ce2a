import Nearby
import TestVectors
import Testing

@Suite("The text of a link's address")
struct NearbyAddressTextTests {
    @Test(
        "has the specification's numbers where none is given",
        arguments: [
            ("local:/run/a:b", "/run/a:b"), ("rfcomm:00:11:22:33:44:55", "00:11:22:33:44:55 channel 21"),
            ("rfcomm:00:11:22:33:44:55/3", "00:11:22:33:44:55 channel 3"),
            ("l2cap:00:11:22:33:44:55", "00:11:22:33:44:55 PSM 0x1035"),
            ("l2cap:00:11:22:33:44:55/0x1001", "00:11:22:33:44:55 PSM 0x1001"),
            ("le:00:11:22:33:44:55/213", "00:11:22:33:44:55 LE PSM 0xd5"),
            ("le-random:c0:11:22:33:44:55", "C0:11:22:33:44:55 LE PSM 0xd5"),
            ("le-random:7f:11:22:33:44:55/0x80", "7F:11:22:33:44:55 LE PSM 0x80"),
        ])
    func links(text: String, meaning: String) throws {
        let address = try NearbyAddress(checking: text)
        #expect(address.description == meaning && NearbyAddress(address.optionForm) == address)
    }

    @Test(
        "is refused with its reason where no such link can exist, by its transport",
        arguments: [
            ("", NearbyAddressFault.noTransport), ("tcp:1", .noTransport), ("00:11:22:33:44:55", .noTransport),
            ("le-public:00:11:22:33:44:55", .noTransport), ("local:", .path),
            ("local:/" + String(repeating: "x", count: 120), .path), ("rfcomm:00:11", .notAnAddress("00:11")),
            ("le:00:11:22:33:44:5g", .notAnAddress("00:11:22:33:44:5g")), ("l2cap:", .notAnAddress("")),
            ("le:00:00:00:00:00:00", .nobody("00:00:00:00:00:00")),
            ("rfcomm:ff:ff:ff:ff:ff:ff", .nobody("FF:FF:FF:FF:FF:FF")),
            ("rfcomm-random:C0:11:22:33:44:55", .randomOverClassic(.rfcomm)),
            ("l2cap-random:C0:11:22:33:44:55/0x1035", .randomOverClassic(.l2cap)),
            ("le-random:80:11:22:33:44:55", .notRandom("80:11:22:33:44:55")),
            ("le-random:BF:11:22:33:44:55", .notRandom("BF:11:22:33:44:55")),
            ("rfcomm:00:11:22:33:44:55/31", .number("31", .rfcomm)),
            ("rfcomm:00:11:22:33:44:55/0", .number("0", .rfcomm)),
            ("rfcomm:00:11:22:33:44:55/+3", .number("+3", .rfcomm)),
            ("rfcomm:00:11:22:33:44:55/0x1035", .number("0x1035", .rfcomm)),
            ("l2cap:00:11:22:33:44:55/x", .number("x", .l2cap)),
            ("l2cap:00:11:22:33:44:55/0x+5", .number("0x+5", .l2cap)),
            ("l2cap:00:11:22:33:44:55/0xD5", .number("0xD5", .l2cap)),
            ("l2cap:00:11:22:33:44:55/0x1002", .number("0x1002", .l2cap)),
            ("l2cap:00:11:22:33:44:55/0x1101", .number("0x1101", .l2cap)),
            ("le:00:11:22:33:44:55/0x1035", .number("0x1035", .le)), ("le:00:11:22:33:44:55/127", .number("127", .le)),
            ("le:00:11:22:33:44:55/-0", .number("-0", .le)), ("le:00:11:22:33:44:55/65536", .number("65536", .le)),
            ("le:00:11:22:33:44:55/", .number("", .le)),
        ])
    func noLinks(text: String, fault: NearbyAddressFault) {
        #expect(throws: fault) { try NearbyAddress(checking: text) }
        #expect(NearbyAddress(text) == nil && OperatorTextRules.broken(by: fault) == [])
    }
}
