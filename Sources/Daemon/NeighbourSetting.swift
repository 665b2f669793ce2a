import SRUP

extension Setting {
    /// More are not needed to tell a deaf radio from a silent neighbour.
    private static var mostNeighbours: Int { 16 }

    /// The identities of other beacons.
    func neighboursOrOff() throws(BadSetting) -> [Identifier] {
        if value == "off" { return [] }
        let parts = value.split(whereSeparator: { $0 == "," || $0 == " " })
        let named = parts.compactMap { Identifier(hexadecimal: String($0)) }.filter { $0.number >= 0x10 }
        guard (1...Setting.mostNeighbours).contains(named.count), named.count == parts.count,
            Set(named).count == named.count
        else {
            throw bad("off, or 1 to \(Setting.mostNeighbours) beacons' identities with commas between them")
        }
        return named
    }
}
