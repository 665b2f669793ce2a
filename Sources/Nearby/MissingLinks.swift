import OperatorText

/// What a device says about links that it does not get, as a value: each new cause of an address once, and where the join fails, the
/// last one of each address with a hint.
public struct MissingLinks: Sendable {
    private var said: [NearbyAddress: Set<String>] = [:]
    private var last: [NearbyAddress: any OperatorError] = [:]

    /// Before the first link.
    public init() {}

    /// A link has ended, or was never there.
    /// - Parameter adapters: what is wrong with this machine's own adapters; asked only if they are the cause.
    /// - Returns: a line for the operator, if the cause is new.
    public mutating func note(
        _ how: LinkPlan.Ended, at address: NearbyAddress, adapters: () -> AdapterFault? = { nil }
    ) -> String? {
        switch how {
        case .unreachable(.noLink(let cause)) where cause.cause == .ownAdapter:
            return remember(adapters() ?? cause, at: address)
        case .unreachable(let error):
            if case .local(let path) = address { return remember(LocalLink.fault(error, at: path), at: address) }
            return remember(error, at: address)
        case .cut(let cause): return remember(cause, at: address)
        case .closed:
            last[address] = nil
            let isNew = said[address, default: []].insert("closed").inserted
            return isNew ? "the beacon at \(address) closed the link without an outcome" : nil
        case .outcome, .left:  // the link has said it
            last[address] = nil
            return nil
        }
    }

    private mutating func remember(_ cause: any OperatorError, at address: NearbyAddress) -> String? {
        last[address] = cause
        let isNew = said[address, default: []].insert(cause.message).inserted
        return isNew ? "no link to \(address): \(cause.message)" : nil
    }

    /// Why there was no link to an address the last time; nil if there was one.
    public func fault(at address: NearbyAddress) -> OperatorFault? {
        last[address].map { OperatorFault("no link to \(address): \($0.message)", hintOf: $0) }
    }

    /// The same for all addresses.
    public var faults: [OperatorFault] {
        last.keys.sorted { $0.optionForm < $1.optionForm }.compactMap { fault(at: $0) }
    }
}
