import Bluetooth
import CBlueZ
import Glibc
import ProofLink

extension BluetoothAddress {
    init(kernelOrder address: bdaddr_t) { self.init(leastFirst: withUnsafeBytes(of: address) { Array($0) }) }

    var kernelOrder: bdaddr_t {
        var address = bdaddr_t()
        withUnsafeMutableBytes(of: &address) { $0.copyBytes(from: bytes.reversed()) }
        return address
    }
}

/// Where a nearby link is listened for or opened (docs/proof-link.md, "Transports").
public enum NearbyAddress: Hashable, Sendable, CustomStringConvertible {
    /// Bluetooth BR/EDR: a channel, 1 to 30.
    case rfcomm(BluetoothAddress, channel: UInt8)
    /// Bluetooth BR/EDR: an odd PSM from 0x1001.
    case l2cap(BluetoothAddress, psm: UInt16)
    /// Bluetooth LE: a PSM from 0x80 to 0xFF, and whether the address is a random one.
    case le(BluetoothAddress, psm: UInt16, random: Bool)
    /// A Unix socket of this machine.
    case local(path: String)

    /// The specification's default channel and PSMs.
    public static let (defaultChannel, defaultPSM, defaultLEPSM) = (UInt8(21), UInt16(0x1035), UInt16(0x00D5))

    /// Which transport this is an address of.
    public var transport: Transport {
        switch self {
        case .rfcomm: .rfcomm
        case .l2cap: .l2cap
        case .le: .le
        case .local: .local
        }
    }

    /// The address for a log line.
    public var description: String {
        switch self {
        case .rfcomm(let adapter, let channel): "\(NearbyAddress.words(adapter)) channel \(channel)"
        case .l2cap(let adapter, let psm): "\(NearbyAddress.words(adapter)) PSM 0x\(String(psm, radix: 16))"
        case .le(let adapter, let psm, _): "\(NearbyAddress.words(adapter)) LE PSM 0x\(String(psm, radix: 16))"
        case .local(let path): path
        }
    }

    private static func words(_ address: BluetoothAddress) -> String {
        address == .any ? "any adapter" : address.description
    }

    /// Calls `body` with the kernel's form of the address.
    func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        func lend<Address>(_ address: Address) -> Result {
            withUnsafeBytes(of: address) { raw in
                raw.withMemoryRebound(to: sockaddr.self) { bound in
                    guard let base = bound.baseAddress else { preconditionFailure("an address has bytes") }
                    return body(base, socklen_t(MemoryLayout<Address>.size))
                }
            }
        }
        switch self {
        case .rfcomm(let address, let channel):
            var rc = sockaddr_rc()
            (rc.rc_family, rc.rc_bdaddr, rc.rc_channel) = (sa_family_t(AF_BLUETOOTH), address.kernelOrder, channel)
            return lend(rc)
        case .l2cap(let address, let psm):
            var l2 = sockaddr_l2()
            (l2.l2_family, l2.l2_bdaddr, l2.l2_psm) = (sa_family_t(AF_BLUETOOTH), address.kernelOrder, psm.littleEndian)
            return lend(l2)
        case .le(let address, let psm, let random):
            var l2 = sockaddr_l2()
            (l2.l2_family, l2.l2_bdaddr, l2.l2_psm) = (sa_family_t(AF_BLUETOOTH), address.kernelOrder, psm.littleEndian)
            l2.l2_bdaddr_type = UInt8(random ? BDADDR_LE_RANDOM : BDADDR_LE_PUBLIC)
            return lend(l2)
        case .local(let path):
            var un = sockaddr_un()
            un.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &un.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
            return lend(un)
        }
    }

    /// The longest path of a Unix socket, in bytes.
    public static let maximumPath = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1
}
