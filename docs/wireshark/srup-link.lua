-- SRUP's proof link, version 1, over RFCOMM, L2CAP and LE, for Wireshark and tshark 4.0 or later. ../wireshark.md says how to install and
-- use this file; ../proof-link.md describes what it decodes. It needs no other file; srup.lua beside it decodes SRUP in MQTT.
--
-- Of values, claims, nonces of the device, tags and signatures only the length is shown. That keeps them out of the tree, the columns and
-- exported fields, and not out of the capture: its bytes are what they are. In value mode they hold the value itself.

local link = Proto("srup_link", "SRUP Proof Link")
-- Runs after all others, to see where an RFCOMM connection begins and ends.
local watch = Proto("srup_link_watch", "SRUP Proof Link (begin and end)")

-- ../proof-link.md, "Frames". `shortest` and `longest` are the length of the payload.
local TYPES = {
    [0x01] = { name = "HELLO", from = "beacon", shortest = 26, longest = 26 },
    [0x02] = { name = "READY", from = "device", shortest = 9, longest = 9 },
    [0x03] = { name = "WAIT", from = "beacon", shortest = 2, longest = 2 },
    [0x04] = { name = "CHALLENGE", from = "beacon", shortest = 32, longest = 32 },
    [0x05] = { name = "PROOF", from = "device", shortest = 64, longest = 64 },
    [0x06] = { name = "VALUE", from = "device", shortest = 16, longest = 16 },
    [0x07] = { name = "OUTCOME", from = "beacon", shortest = 33, longest = 33 },
    [0x08] = { name = "CLAIM", from = "device", shortest = 17, longest = 17 },
    [0x09] = { name = "SIGN", from = "device", shortest = 2, longest = 129 },
}
local NAMES = {}
for number, type in pairs(TYPES) do NAMES[number] = type.name end
local MODES = { [1] = "value", [2] = "challenge", [3] = "keyed" }
local OUTCOMES = {
    [0x60] = "valid", [0x6E] = "invalid", [0x6F] = "fail", [0x01] = "unknown", [0x02] = "busy", [0x03] = "malformed", [0x04] = "too far",
}
local HEADER = 3 -- type, and the length of the payload
local LONGEST_PACKET = HEADER + 512

local f = {
    frame = ProtoField.none("srup_link.frame", "Frame"),
    type = ProtoField.uint8("srup_link.type", "Type", base.HEX, NAMES),
    length = ProtoField.uint16("srup_link.length", "Length", base.DEC),
    transport = ProtoField.string("srup_link.transport", "Transport"),
    version = ProtoField.uint8("srup_link.version", "Version"),
    modes = ProtoField.uint8("srup_link.modes", "Modes offered", base.HEX),
    offers_value = ProtoField.bool("srup_link.modes.value", "Value", 8, nil, 0x01),
    offers_challenge = ProtoField.bool("srup_link.modes.challenge", "Challenge", 8, nil, 0x02),
    offers_keyed = ProtoField.bool("srup_link.modes.keyed", "Keyed", 8, nil, 0x04),
    beacon = ProtoField.uint64("srup_link.beacon", "Beacon", base.HEX),
    nonce = ProtoField.bytes("srup_link.nonce", "Link nonce"),
    mode = ProtoField.uint8("srup_link.mode", "Mode", base.DEC, MODES),
    device = ProtoField.uint64("srup_link.device", "Device", base.HEX),
    seconds = ProtoField.uint16("srup_link.wait", "Wait (s)", base.DEC),
    challenge = ProtoField.bytes("srup_link.challenge", "Challenge"),
    device_nonce = ProtoField.none("srup_link.device_nonce", "Device nonce"),
    tag = ProtoField.none("srup_link.tag", "Tag"),
    has_tag = ProtoField.bool("srup_link.has_tag", "Has a tag"),
    value = ProtoField.none("srup_link.value", "Value"),
    status = ProtoField.uint8("srup_link.status", "Status", base.HEX, OUTCOMES),
    claim = ProtoField.none("srup_link.claim", "Claim"),
    has_value = ProtoField.bool("srup_link.has_value", "Has the value"),
    last = ProtoField.uint8("srup_link.last", "Last piece", base.DEC, { [0] = "no", [1] = "yes" }),
    signature = ProtoField.none("srup_link.signature", "Piece of the signature"),
    signed = ProtoField.uint32("srup_link.signature_length", "Signature so far", base.DEC),
    began_in = ProtoField.framenum("srup_link.began_in", "The link begins in frame", base.NONE),
    challenge_in = ProtoField.framenum("srup_link.challenge_in", "Answers the challenge in frame", base.NONE, frametype.REQUEST),
    proof_in = ProtoField.framenum("srup_link.proof_in", "Answered in frame", base.NONE, frametype.RESPONSE),
    round_trip = ProtoField.float("srup_link.round_trip", "Seconds since the challenge"),
    outcome_in = ProtoField.framenum("srup_link.outcome_in", "The link ends in frame", base.NONE),
    rest = ProtoField.none("srup_link.rest", "Incomplete frame"),
    rest_length = ProtoField.uint32("srup_link.rest_length", "Bytes so far", base.DEC),
    completed_in = ProtoField.framenum("srup_link.completed_in", "Completed in frame", base.NONE),
    starts_in = ProtoField.framenum("srup_link.starts_in", "The first frame's bytes start in frame", base.NONE),
    undecoded = ProtoField.none("srup_link.undecoded", "Not decoded"),
}
link.fields = {}
for _, field in pairs(f) do table.insert(link.fields, field) end

local malformed = ProtoExpert.new("srup_link.malformed", "Malformed: the receiver ends the link", expert.group.MALFORMED,
    expert.severity.ERROR)
local disorder = ProtoExpert.new("srup_link.order", "Out of order", expert.group.SEQUENCE, expert.severity.WARN)
local open_value = ProtoExpert.new("srup_link.open", "The value is in the clear: anyone who has heard it can present it",
    expert.group.SECURITY, expert.severity.WARN)
local untagged = ProtoExpert.new("srup_link.untagged", "Valid without a tag: not from a node that holds the value",
    expert.group.SECURITY, expert.severity.WARN)
link.experts = { malformed, disorder, open_value, untagged }

link.prefs.rfcomm = Pref.range("RFCOMM channels", "21", "Channels of beacons, for example 21,23", 30)
link.prefs.l2cap = Pref.range("L2CAP PSMs", "0x1035", "PSMs of beacons over BR/EDR", 65535)
link.prefs.le = Pref.range("LE PSMs", "0xD5", "PSMs of beacons over LE", 255)

local connect_in, adapter = Field.new("btl2cap.connect_in"), Field.new("hci_mon.adapter_id")
local handle, interface = Field.new("bthci_acl.chandle"), Field.new("frame.interface_id")
local dlci, rfcomm_type = Field.new("btrfcomm.dlci"), Field.new("btrfcomm.frame_type")
local channel_id, command, identifier = Field.new("btl2cap.cid"), Field.new("btl2cap.cmd_code"), Field.new("btl2cap.cmd_ident")
local le_psm, le_result = Field.new("btl2cap.le_psm"), Field.new("btl2cap.le_result")
local source_cid, destination_cid = Field.new("btl2cap.scid"), Field.new("btl2cap.dcid")
local tables = {
    dlci = DissectorTable.get("btrfcomm.dlci"), psm = DissectorTable.get("btl2cap.psm"), cid = DissectorTable.get("btl2cap.cid"),
}

-- Links that are open, by what tells them apart, with the bytes of frames that are not complete; what is known about each packet since it
-- was first seen; and LE channels that are being opened, or are open, with the channel ids for which this file is registered. Whether a
-- packet was seen is noted here and not taken from Wireshark: its first pass may give us no fields.
local links, packets, requests, channels, channel_ids, watched = {}, {}, {}, {}, {}, {}
function link.init()
    for cid in pairs(channel_ids) do tables.cid:remove(cid, link) end
    links, packets, requests, channels, channel_ids, watched = {}, {}, {}, {}, {}, {}
end

-- What tells connections apart: the frame in which an L2CAP channel began, or the controller's handle where that was not captured.
local function connection_key()
    local parts = {}
    for _, field in ipairs({ interface, connect_in, adapter, dlci }) do
        local values = { field() }
        table.insert(parts, #values > 0 and tostring(values[#values].value) or "-")
    end
    if parts[2] == "-" then parts[2] = "handle " .. tostring(handle() and handle().value) end
    return table.concat(parts, "/")
end

-- The key of an LE channel in one direction: where its packets go.
local function channel_key(direction, cid)
    return table.concat({ tostring(interface() and interface().value), tostring(adapter() and adapter().value),
        tostring(handle() and handle().value), direction, cid }, "/")
end

local function open_link(key)
    if not links[key] then links[key] = { seen = {}, parts = {}, signed = 0 } end
    return links[key]
end

-- What must have been seen before a frame, in a link whose begin was captured.
local NEEDS = {
    READY = { "HELLO" }, CLAIM = { "HELLO" }, WAIT = { "READY", "CLAIM" }, CHALLENGE = { "READY", "CLAIM" }, PROOF = { "CHALLENGE" },
    VALUE = { "CHALLENGE" }, SIGN = { "PROOF" },
}

-- Nil, or why a frame of this type may not come here.
local function disorder_of(open, type, direction)
    local name = type.name
    if open.outcome then return "after OUTCOME" end
    if not open.seen.HELLO then return nil end
    if direction >= 0 and (direction == open.beacon_direction) ~= (type.from == "beacon") then return "from the wrong end" end
    if name == "HELLO" or (open.seen[name] and (name == "READY" or name == "CHALLENGE" or name == "PROOF" or name == "VALUE")) then
        return "a second " .. name
    end
    local needs = NEEDS[name]
    if not needs then return nil end
    for _, earlier in ipairs(needs) do
        if open.seen[earlier] then return nil end
    end
    return name .. " before " .. table.concat(needs, " or ")
end

-- Takes one whole frame into its link, the first time that it is seen. What is returned stays the same when the packet is drawn again.
local function note(open, type, frame, pinfo)
    local noted = { open = open, disorder = disorder_of(open, type, pinfo.p2p_dir) }
    if type.name == "CHALLENGE" then open.challenge, open.challenged_at = pinfo.number, pinfo.rel_ts end
    if (type.name == "PROOF" or type.name == "VALUE") and open.challenge then
        open.proof = open.proof or pinfo.number
        noted.challenge, noted.round_trip = open.challenge, pinfo.rel_ts - open.challenged_at
    end
    if type.name == "SIGN" then
        open.signed = open.signed + frame:len() - HEADER - 1
        noted.signed = open.signed
    end
    if type.name == "OUTCOME" then open.outcome = open.outcome or pinfo.number end
    open.seen[type.name] = true
    return noted
end

-- Nil, or what is wrong with a header of 3 bytes.
local function header_fault(type, number, length)
    if not type and number >= 0x10 and number <= 0x1F then return string.format("type %02X, reserved for distance measurement", number) end
    if not type then return string.format("type %02X does not exist", number) end
    if length < type.shortest or length > type.longest then return string.format("%s with a length of %d", type.name, length) end
    return nil
end

-- Cuts bytes into frames: a list of whole ones, and where what is left begins. `fault` says why that can never become a frame.
local function cut_frames(bytes)
    local found, at = {}, 0
    while bytes:len() - at >= HEADER do
        local number, length = bytes(at, 1):uint(), bytes(at + 1, 2):uint()
        local type = TYPES[number]
        local fault = header_fault(type, number, length)
        if fault then return found, at, fault end
        if bytes:len() - at < HEADER + length then break end
        table.insert(found, { at = at, size = HEADER + length, type = type })
        at = at + HEADER + length
    end
    if bytes:len() > at and not TYPES[bytes(at, 1):uint()] then
        return found, at, header_fault(nil, bytes(at, 1):uint(), 0)
    end
    return found, at, nil
end

local function all_zero(range) return not range:raw():find("[^\0]") end

local function add_hidden(tree, field, range)
    return tree:add(field, range):append_text(string.format(": %d bytes, not shown", range:len()))
end

local function undefined(tree, names, range, name)
    if names[range:uint()] then return end
    tree:add_proto_expert_info(malformed, string.format("%s %02X has no meaning", name, range:uint()))
end

-- The payload of each type: draws it, and returns what the summary says about it.
local DRAW = {}
function DRAW.HELLO(tree, payload)
    tree:add(f.version, payload(0, 1))
    local modes = tree:add(f.modes, payload(1, 1))
    for _, mode in ipairs({ f.offers_value, f.offers_challenge, f.offers_keyed }) do modes:add(mode, payload(1, 1)) end
    local beacon = tree:add(f.beacon, payload(2, 8))
    tree:add(f.nonce, payload(10, 16))
    if all_zero(payload(2, 8)) then
        beacon:append_text(" (a private beacon)")
        return "private beacon"
    end
    return payload(2, 8):uint64():tohex(16)
end
function DRAW.READY(tree, payload)
    tree:add(f.mode, payload(0, 1))
    tree:add(f.device, payload(1, 8))
    local mode = payload(0, 1):uint()
    if mode ~= 1 and mode ~= 2 then tree:add_proto_expert_info(malformed, string.format("mode %d has no meaning in READY", mode)) end
    return payload(1, 8):uint64():tohex(16)
end
function DRAW.WAIT(tree, payload)
    tree:add(f.seconds, payload(0, 2))
    return payload(0, 2):uint() .. " s"
end
function DRAW.CHALLENGE(tree, payload) tree:add(f.challenge, payload(0, 32)) end
function DRAW.PROOF(tree, payload)
    add_hidden(tree, f.device_nonce, payload(0, 32))
    add_hidden(tree, f.tag, payload(32, 32))
end
function DRAW.VALUE(tree, payload)
    add_hidden(tree, f.value, payload(0, 16))
    tree:add_proto_expert_info(open_value)
end
function DRAW.OUTCOME(tree, payload)
    tree:add(f.status, payload(0, 1))
    undefined(tree, OUTCOMES, payload(0, 1), "status")
    add_hidden(tree, f.tag, payload(1, 32))
    tree:add(f.has_tag, not all_zero(payload(1, 32))):set_generated()
    return (OUTCOMES[payload(0, 1):uint()] or "?") .. (all_zero(payload(1, 32)) and ", no tag" or ", with a tag")
end
function DRAW.CLAIM(tree, payload)
    tree:add(f.mode, payload(0, 1))
    if payload(0, 1):uint() ~= 3 then tree:add_proto_expert_info(malformed, "the mode in CLAIM is not 3") end
    add_hidden(tree, f.claim, payload(1, 16))
    tree:add(f.has_value, not all_zero(payload(1, 16))):set_generated()
    return all_zero(payload(1, 16)) and "no value yet" or nil
end
function DRAW.SIGN(tree, payload)
    tree:add(f.last, payload(0, 1))
    if payload(0, 1):uint() > 1 then tree:add_proto_expert_info(malformed, "\"last\" is neither 0 nor 1") end
    add_hidden(tree, f.signature, payload(1))
    return payload(0, 1):uint() == 1 and "last piece" or nil
end

local function add_links(tree, type, noted, payload)
    local open = noted.open
    if noted.disorder then tree:add_proto_expert_info(disorder, noted.disorder) end
    if open.began and type.name ~= "HELLO" then tree:add(f.began_in, open.began):set_generated() end
    if noted.challenge then
        tree:add(f.challenge_in, noted.challenge):set_generated()
        tree:add(f.round_trip, noted.round_trip):set_generated()
    end
    if noted.signed then tree:add(f.signed, noted.signed):set_generated() end
    if type.name == "CHALLENGE" and open.proof then tree:add(f.proof_in, open.proof):set_generated() end
    if type.name == "HELLO" and open.outcome then tree:add(f.outcome_in, open.outcome):set_generated() end
    -- In value mode no outcome has a tag.
    if type.name == "OUTCOME" and payload(0, 1):uint() == 0x60 and all_zero(payload(1, 32)) and not noted.open.seen.VALUE then
        tree:add_proto_expert_info(untagged)
    end
end

local function add_frame(root, bytes, frame, noted)
    local range = bytes(frame.at, frame.size)
    local tree = root:add(f.frame, range)
    tree:add(f.type, range(0, 1))
    tree:add(f.length, range(1, 2))
    local payload = range(HEADER)
    local said = DRAW[frame.type.name](tree, payload)
    add_links(tree, frame.type, noted, payload)
    tree:set_text(string.format("%s, from the %s%s", frame.type.name, frame.type.from, said and ": " .. said or ""))
    return frame.type.name .. (said and " " .. said or "")
end

-- Wireshark 4.0 does not follow an LE channel that the other end opens. So this file does: it notes each request for a PSM of a beacon, and
-- with the answer it has the channel ids, by which Wireshark then hands on the channel's packets.
local LE_REQUEST, LE_ANSWER, CONNECTION_ANSWER = 0x14, 0x15, 0x03
local numbers -- below

local function is_beacons(psm)
    for _, each in ipairs(numbers(link.prefs.le)) do
        if each == psm then return true end
    end
    return false
end

-- A channel was opened: what is sent to these ids is its packets from now on, or, with nil, those of another protocol.
local function open_channel(ids, channel)
    for cid, direction in pairs(ids) do
        channels[channel_key(direction, cid)] = channel
        if channel and not channel_ids[cid] then
            tables.cid:add(cid, link)
            channel_ids[cid] = true
        end
    end
end

local function follow_channels(pinfo)
    local code, name = command(), identifier()
    if not code or not name then return end
    local key = channel_key("request", name.value)
    local back, forth = pinfo.p2p_dir, 1 - pinfo.p2p_dir -- of an answer, and of its request
    if code.value == LE_REQUEST and le_psm() and source_cid() then
        requests[key] = { cid = source_cid().value, ours = is_beacons(le_psm().value) }
    elseif code.value == LE_ANSWER and requests[key] and destination_cid() and le_result() and le_result().value == 0 then
        local request = requests[key]
        requests[key] = nil
        local channel = request.ours and { frame = pinfo.number, parts = {}, pieces = {} } or nil
        open_channel({ [request.cid] = back, [destination_cid().value] = forth }, channel)
    elseif code.value == CONNECTION_ANSWER and source_cid() and destination_cid() then
        open_channel({ [source_cid().value] = back, [destination_cid().value] = forth }, nil)
    end
end

-- The channel of a packet, if this file must join its pieces; and whether the packet belongs to another protocol, which has the same id.
local function channel_of(pinfo)
    local cid = channel_id().value
    local channel = channels[channel_key(pinfo.p2p_dir, cid)]
    if channel_ids[cid] and pinfo.match_uint == cid and not channel then return nil, true end
    if connect_in() then return nil, false end
    return channel, false
end

-- Joins the pieces of a packet on an LE channel: the first begins with the length of the whole. Returns the whole, or nil if there is more
-- to come. What is longer than any frame is not waited for.
local function join_pieces(channel, tvb, direction)
    local part = channel.parts[direction]
    if not part then
        if tvb:len() < 2 then return tvb:range():bytes() end
        part = { length = tvb(0, 2):le_uint(), bytes = tvb:len() > 2 and tvb(2):bytes() or ByteArray.new() }
    else
        part.bytes = part.bytes .. tvb:range():bytes()
    end
    local whole = part.bytes:len() >= part.length or part.length > LONGEST_PACKET
    channel.parts[direction] = not whole and part or nil
    return whole and part.bytes or nil
end

-- The first time that a packet is seen: its bytes are joined to those that wait, and its frames are taken into their link.
local function take(tvb, pinfo, channel)
    local is_stream = dlci() ~= nil
    local key = channel and "channel " .. channel.frame or connection_key()
    local open = open_link(key)
    local direction = tostring(pinfo.p2p_dir)
    local waiting = is_stream and open.parts[direction] or nil
    if waiting and waiting.lost then return { lost = true, open = open, noted = {} } end
    local packet = { open = open, noted = {}, before = waiting and waiting.bytes, starts_in = waiting and waiting.starts_in }
    local bytes = packet.before and (packet.before .. tvb:range():bytes()):tvb("Proof link") or tvb
    local found, rest, fault = cut_frames(bytes)
    packet.found, packet.rest, packet.fault = found, rest, fault
    if waiting and #found > 0 then
        for _, earlier in ipairs(waiting.packets) do earlier.completed_in = pinfo.number end
    end
    for index, frame in ipairs(found) do
        if frame.type.name == "HELLO" and open.outcome then
            links[key] = nil
            open = open_link(key)
        end
        if frame.type.name == "HELLO" and not open.began then open.began, open.beacon_direction = pinfo.number, pinfo.p2p_dir end
        packet.noted[index] = note(open, frame.type, bytes(frame.at, frame.size), pinfo)
    end
    if not is_stream then return packet end
    open.parts[direction] = fault and { lost = true } or nil
    if not fault and bytes:len() > rest then
        local goes_on = waiting and #found == 0
        local pieces = goes_on and waiting.packets or {}
        table.insert(pieces, packet)
        open.parts[direction] = {
            bytes = bytes:range(rest):bytes(), starts_in = goes_on and waiting.starts_in or pinfo.number, packets = pieces,
        }
    end
    return packet
end

-- What is left after the last whole frame.
local function add_rest(root, bytes, packet, is_stream)
    if bytes:len() <= packet.rest then
        if is_stream or #packet.found <= 1 then return nil end
        root:add_proto_expert_info(malformed, "more than one frame")
        return "malformed"
    end
    local range = bytes(packet.rest)
    if packet.fault or not is_stream then
        add_hidden(root, f.undecoded, range):add_proto_expert_info(malformed, packet.fault or
            (#packet.found > 0 and "bytes after the frame" or "less than one frame"))
        return "malformed"
    end
    local item = add_hidden(root, f.rest, range)
    item:add(f.rest_length, range:len()):set_generated()
    if packet.completed_in then item:add(f.completed_in, packet.completed_in):set_generated() end
    return string.format("%d bytes of a frame", range:len())
end

-- The bytes in which frames are looked for: those of the packet, or, on an LE channel that this file follows, of all its pieces. Nil if
-- there is more to come.
local function whole_packet(tvb, pinfo, channel)
    if not channel then return tvb end
    if not channel.pieces[pinfo.number] then
        channel.pieces[pinfo.number] = { whole = join_pieces(channel, tvb, pinfo.p2p_dir) }
    end
    local whole = channel.pieces[pinfo.number].whole
    return whole and whole:len() > 0 and whole:tvb("L2CAP packet") or nil
end

local function draw(packet, tvb, pinfo, root)
    if packet.lost then
        if tvb:len() > 0 then add_hidden(root, f.undecoded, tvb()):append_text(": after a malformed frame") end
        return "after a malformed frame"
    end
    local bytes = packet.before and (packet.before .. tvb:range():bytes()):tvb("Proof link") or tvb
    if packet.before then root:add(f.starts_in, packet.starts_in):set_generated() end
    local said = {}
    for index, frame in ipairs(packet.found) do table.insert(said, add_frame(root, bytes, frame, packet.noted[index])) end
    table.insert(said, add_rest(root, bytes, packet, dlci() ~= nil))
    return table.concat(said, ", ")
end

function link.dissector(tvb, pinfo, tree)
    if not channel_id() then return tvb:len() end
    local channel, foreign = channel_of(pinfo)
    if foreign or tvb:len() == 0 then return 0 end
    pinfo.cols.protocol = "SRUP link"
    local root = tree:add(link, tvb())
    local transport = dlci() and "RFCOMM" or (channel and "LE") or (connect_in() and (pinfo.match_uint < 0x100 and "LE" or "L2CAP"))
    if transport then root:add(f.transport, transport):set_generated() end
    local whole = whole_packet(tvb, pinfo, channel)
    if not whole then
        add_hidden(root, f.rest, tvb())
        pinfo.cols.info = "a piece of a packet"
        return tvb:len()
    end
    local packet = packets[pinfo.number]
    if not packet then
        packet = take(whole, pinfo, channel)
        packets[pinfo.number] = packet
    end
    pinfo.cols.info = draw(packet, whole, pinfo, root)
    return tvb:len()
end

-- SABM begins an RFCOMM connection, DISC and DM end it: what is left of a frame is never completed.
local SABM, DISC, DM = 0x2F, 0x43, 0x0F
function watch.dissector(_, pinfo)
    if watched[pinfo.number] or not channel_id() then return end
    watched[pinfo.number] = true
    follow_channels(pinfo)
    local type = rfcomm_type()
    if not type then return end
    if type.value == SABM or type.value == DISC or type.value == DM then links[connection_key()] = nil end
end
register_postdissector(watch)

-- "21,23-25" as a list of numbers.
function numbers(text)
    local list = {}
    for first, last in tostring(text):gmatch("(%w+)%-?(%w*)") do
        for number = tonumber(first) or 1, tonumber(last) or tonumber(first) or 0 do table.insert(list, number) end
    end
    return list
end

-- A channel has two DLCIs: one for each end that may have opened the multiplexer.
local registered = {}
local function register()
    for _, entry in ipairs(registered) do tables[entry[1]]:remove(entry[2], link) end
    registered = {}
    for _, channel in ipairs(numbers(link.prefs.rfcomm)) do
        table.insert(registered, { "dlci", channel * 2 })
        table.insert(registered, { "dlci", channel * 2 + 1 })
    end
    for _, range in ipairs({ link.prefs.l2cap, link.prefs.le }) do
        for _, psm in ipairs(numbers(range)) do table.insert(registered, { "psm", psm }) end
    end
    for _, entry in ipairs(registered) do tables[entry[1]]:add(entry[2], link) end
end
link.prefs_changed = register
for _, each in pairs(tables) do each:add_for_decode_as(link) end
register()
