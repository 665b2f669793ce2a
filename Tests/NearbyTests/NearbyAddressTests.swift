import Bluetooth
import CBlueZ
import Glibc
import ProofLink
import Testing

@testable import Nearby

@Suite("Addresses of nearby devices")
struct NearbyAddressTests {
    @Test("a Bluetooth address is read in either case and written in capitals, in the usual order")
    func bluetooth() throws {
        let address = try #require(BluetoothAddress("00:1a:7D:da:71:0f"))
        #expect(address.description == "00:1A:7D:DA:71:0F")
        #expect(address.bytes == [0x00, 0x1A, 0x7D, 0xDA, 0x71, 0x0F])
        #expect(withUnsafeBytes(of: address.kernelOrder) { Array($0) } == address.bytes.reversed())
        #expect(BluetoothAddress(kernelOrder: address.kernelOrder) == address)
        #expect(BluetoothAddress.any.description == "00:00:00:00:00:00")
    }

    @Test(
        "anything else is not a Bluetooth address",
        arguments: [
            "", ":", "00:11:22:33:44", "00:11:22:33:44:55:66", "00:11:22:33:44:5", "00:11:22:33:44:555",
            "00-11-22-33-44-55", "001122334455", "00:11:22:33:44:5g", "00:11:22:33:44:55 ", "+0:11:22:33:44:55",
            "00::11:22:33:44", "00:11:22:33:44:-5",
        ])
    func noBluetooth(text: String) { #expect(BluetoothAddress(text) == nil) }

    @Test("each kind of address has its transport and its description")
    func words() throws {
        let device = try #require(BluetoothAddress("00:11:22:33:44:55"))
        let table: [(NearbyAddress, Transport, String)] = [
            (.rfcomm(device, channel: 21), .rfcomm, "00:11:22:33:44:55 channel 21"),
            (.l2cap(device, psm: 0x1035), .l2cap, "00:11:22:33:44:55 PSM 0x1035"),
            (.le(device, psm: 0xD5, random: true), .le, "00:11:22:33:44:55 LE PSM 0xd5"),
            (.local(path: "/run/l"), .local, "/run/l"),
        ]
        for (address, transport, words) in table {
            #expect(address.transport == transport)
            #expect(address.description == words)
        }
    }

    @Test("the kernel's form of an address has its family, its address and its port")
    func kernelForm() throws {
        let device = try #require(BluetoothAddress("00:11:22:33:44:55"))
        func bytes(_ address: NearbyAddress) -> [UInt8] {
            address.withSocketAddress { pointer, length in
                Array(UnsafeRawBufferPointer(start: pointer, count: Int(length)))
            }
        }
        let family = withUnsafeBytes(of: sa_family_t(AF_BLUETOOTH)) { Array($0) }
        let reversed: [UInt8] = [0x55, 0x44, 0x33, 0x22, 0x11, 0x00]
        #expect(Array(bytes(.rfcomm(device, channel: 21)).prefix(9)) == family + reversed + [21])
        #expect(Array(bytes(.l2cap(device, psm: 0x1035)).prefix(10)) == family + [0x35, 0x10] + reversed)
        let random = bytes(.le(device, psm: 0xD5, random: true))
        #expect(Array(random.prefix(10)) == family + [0xD5, 0x00] + reversed)
        #expect(random[12] == UInt8(BDADDR_LE_RANDOM))
        #expect(bytes(.le(device, psm: 0xD5, random: false))[12] == UInt8(BDADDR_LE_PUBLIC))
        let longest = "/" + String(repeating: "x", count: NearbyAddress.maximumPath - 1)
        #expect(Array(bytes(.local(path: longest)).dropFirst(2)) == Array(longest.utf8) + [0])
    }
}
