// The kernel's Bluetooth sockets. Only libbluetooth's headers are used: addresses and constants, no code.
#pragma once
#include <sys/socket.h>
#include <bluetooth/bluetooth.h>
#include <bluetooth/l2cap.h>
#include <bluetooth/rfcomm.h>
#include <bluetooth/hci.h>

// HCI sockets and their channels are macros and structs that Swift sees; only the address is made here, zeroed and whole.
static inline struct sockaddr_hci cbluez_control_address(void) {
    struct sockaddr_hci address = {.hci_family = AF_BLUETOOTH, .hci_dev = HCI_DEV_NONE, .hci_channel = HCI_CHANNEL_CONTROL};
    return address;
}
