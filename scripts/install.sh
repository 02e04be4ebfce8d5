#!/bin/sh
# Installs what Tribunal needs and this machine lacks, through the system's own package manager.
# usage: scripts/install.sh [browser]        `browser` adds the headless one that report's tests use, an SSH server, and engines of containers
# Says what it installs before it does. Needs root or sudo only where something is missing.
set -eu

java_is_new_enough() {
    java=${JAVA_HOME:+$JAVA_HOME/bin/}java
    command -v "$java" >/dev/null 2>&1 || return 1
    major=$("$java" -version 2>&1 | sed -n '1s/.*version "\([0-9]*\).*/\1/p')
    [ "${major:-0}" -ge 17 ]
}

browser_is_there() {
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}

missing=
need() { missing="$missing $1"; }
command -v cc >/dev/null 2>&1 || need compiler
command -v c++ >/dev/null 2>&1 || need compiler++
command -v make >/dev/null 2>&1 || need make
pkg-config --exists openssl 2>/dev/null || need openssl
java_is_new_enough || need java
if [ "${1:-}" = browser ]; then
    browser_is_there || need browser
    # The tests of `--env ssh` and `--env docker` start servers and engines of their own. Where a package would start one for
    # the machine as well, that is left to whoever owns it, and those tests say that they were skipped.
    if [ "$(id -u)" -eq 0 ] && [ ! -d /run/systemd/system ]; then
        [ -x /usr/sbin/sshd ] || need sshd
        command -v ip >/dev/null 2>&1 || need ip
        # The engines that are tried are those of Debian's packages.
        if command -v apt-get >/dev/null 2>&1; then
            [ -x /usr/sbin/dockerd ] && [ -x /usr/bin/docker ] || need docker
            [ -x /usr/bin/podman ] && [ -x /usr/lib/podman/netavark ] || need podman
        fi
    fi
fi
if ! command -v cargo >/dev/null 2>&1; then
    echo "install: cargo is missing: install Rust 1.88 or newer first (https://rustup.rs)" >&2
    exit 2
fi
[ -n "$missing" ] || exit 0

# The package that brings each need, by package manager.
packages=
for need in $missing; do
    case $need in
        compiler)   apt=gcc\ libc6-dev; dnf=gcc; apk=gcc\ musl-dev; pacman=gcc; zypper=gcc ;;
        compiler++) apt=g++; dnf=gcc-c++; apk=g++; pacman=gcc; zypper=gcc-c++ ;;
        make)       apt=make; dnf=make; apk=make; pacman=make; zypper=make ;;
        openssl)    apt=libssl-dev\ pkg-config; dnf=openssl-devel\ pkgconf-pkg-config; apk=openssl-dev\ pkgconf
                    pacman=openssl\ pkgconf; zypper=libopenssl-devel\ pkg-config ;;
        sshd)       apt=openssh-server; dnf=openssh-server; apk=openssh-server; pacman=openssh; zypper=openssh-server ;;
        java)       apt=openjdk-17-jre-headless; dnf=java-17-openjdk-headless; apk=openjdk17-jre-headless
                    pacman=jre17-openjdk-headless; zypper=java-17-openjdk-headless ;;
        ip)         apt=iproute2; dnf=iproute; apk=iproute2; pacman=iproute2; zypper=iproute2 ;;
        docker)     apt=docker.io ;;
        podman)     apt=podman\ netavark ;;
        browser)    apt=chromium; dnf=chromium; apk=chromium; pacman=chromium; zypper=chromium ;;
    esac
    for manager in apt dnf apk pacman zypper; do
        if command -v "$manager" >/dev/null 2>&1; then
            eval "packages=\"\$packages \$$manager\""
            break
        fi
    done
done
for manager in apt-get dnf apk pacman zypper none; do
    command -v "$manager" >/dev/null 2>&1 && break
done
if [ "$manager" = none ]; then
    echo "install: no package manager known here; install these by hand:$missing" >&2
    exit 4
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "install: missing$missing; as root run: $manager install$packages" >&2
        exit 4
    fi
    as_root=sudo
fi
echo "install: this machine lacks$missing; installing with $manager:$packages" >&2
case $manager in
    apt-get)
        $as_root apt-get update -qq
        case $packages in
            *openjdk-17*)
                # Newer systems may no longer carry 17: their default is newer, which does as well.
                if ! apt-cache show openjdk-17-jre-headless >/dev/null 2>&1; then
                    packages=$(echo "$packages" | sed 's/openjdk-17-jre-headless/default-jre-headless/')
                fi ;;
        esac
        case $packages in
            *docker.io*)
                # Newer systems have its client by itself.
                if apt-cache show docker-cli >/dev/null 2>&1; then packages="$packages docker-cli"; fi ;;
        esac
        case $packages in
            *netavark*)
                # Older systems have none, and Podman is no use to us without it.
                if ! apt-cache show netavark >/dev/null 2>&1; then
                    packages=$(echo "$packages" | sed 's/podman netavark//')
                fi ;;
        esac
        # shellcheck disable=SC2086 # the packages are words
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >&2 ;;
    dnf)    $as_root dnf install -y -q $packages >&2 ;;
    apk)    $as_root apk add --quiet $packages >&2 ;;
    pacman) $as_root pacman -Sy --noconfirm --needed $packages >&2 ;;
    zypper) $as_root zypper --quiet --non-interactive install $packages >&2 ;;
esac
