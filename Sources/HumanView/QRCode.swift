import CQRencode
import SRUP

extension Picture {
    /// The longest text of a QR code, in bytes of UTF-8: version 10 of the standard's 40, at level M (ISO/IEC 18004, table 7).
    public static let maximumCodeText = 213

    /// A QR code of the value in 32 upper-case digits, 8-4-4-4-12: an extra for machines. It is not a view: a telephone, not
    /// a person, compares what it scans, and the two ends do not agree on it.
    /// - Throws: `LibraryFault` if libqrencode is not installed.
    public static func qrCode(of value: Secret) throws(LibraryFault) -> Picture {
        try qrCode(ofText: value.withBytes { hyphenated($0) })
    }

    /// A QR code of a text, at error correction level M.
    /// - Precondition: at most 213 bytes, none of them zero.
    /// - Throws: `LibraryFault` if libqrencode is not installed.
    public static func qrCode(ofText text: String) throws(LibraryFault) -> Picture {
        precondition(
            text.utf8.count <= maximumCodeText && !text.utf8.contains(0), "\(text.utf8.count) bytes for a QR code")
        guard cqrencode_load() else { throw .missing(package: "libqrencode4") }
        var cells = [UInt8](repeating: 0, count: Int(CQRENCODE_LONGEST_SIDE * CQRENCODE_LONGEST_SIDE))
        let side = Int(cqrencode_encode(text, &cells))
        guard side > 0 else { throw .failed(package: "libqrencode4") }
        // The standard requires a margin of four cells.
        let grid = Grid(columns: side, cells: cells[..<(side * side)].map { $0 == 1 ? .black : .white }, margin: 4)
        return Picture(name: "qr", form: .grid(grid))
    }
}
