import CQRencode
import SRUP

extension Picture {
    /// A QR code of the value in 32 upper-case digits, 8-4-4-4-12: an extra for machines. It is not a view: a telephone, not
    /// a person, compares what it scans, and the two ends do not agree on it.
    /// - Throws: `LibraryFault` if libqrencode is not installed.
    public static func qrCode(of value: Secret) throws(LibraryFault) -> Picture {
        guard cqrencode_load() else { throw .missing(package: "libqrencode4") }
        var cells = [UInt8](repeating: 0, count: Int(CQRENCODE_LONGEST_SIDE * CQRENCODE_LONGEST_SIDE))
        let side = value.withBytes { Int(cqrencode_encode(hyphenated($0), &cells)) }
        guard side > 0 else { throw .failed(package: "libqrencode4") }
        // The standard requires a margin of four cells.
        let grid = Grid(columns: side, cells: cells[..<(side * side)].map { $0 == 1 ? .black : .white }, margin: 4)
        return Picture(name: "qr", form: .grid(grid))
    }
}
