/** The mannequin: rounded shapes that hang rigidly on the joints of the canonical skeleton, as one skinned mesh. */
import {
  Bone, BufferAttribute, BufferGeometry, CapsuleGeometry, Color, MeshStandardMaterial, Quaternion, Skeleton as Bones,
  SkinnedMesh, SphereGeometry, Vector3,
} from "three";
import { mergeGeometries } from "three/addons/utils/BufferGeometryUtils.js";
import { JOINTS } from "../core/frame";
import type { Skeleton } from "../core/skeleton";

type Triple = readonly [number, number, number];

const UP = new Vector3(0, 1, 0);
const LIGHT = 1;
const DARK = 0.42;

/** Bones whose matrices come from the frames instead of from a tree of objects. */
class PosedBones extends Bones {
  override update(): void {
    if (this.boneTexture) this.boneTexture.needsUpdate = true;
  }
}

/** The body's geometry, at rest. */
export function bodyGeometry(skeleton: Skeleton): BufferGeometry {
  const parts: BufferGeometry[] = [];
  const place = (name: string, by: Triple = [0, 0, 0]) => {
    const i = 3 * skeleton.index.get(name)!;
    return new Vector3(skeleton.rest[i]! + by[0], skeleton.rest[i + 1]! + by[1], skeleton.rest[i + 2]! + by[2]);
  };
  const add = (geometry: BufferGeometry, joint: string, shade = LIGHT) => {
    const count = geometry.getAttribute("position").count, index = skeleton.index.get(joint)!;
    const skin = new Uint16Array(4 * count), weight = new Float32Array(4 * count), colour = new Float32Array(3 * count).fill(shade);
    for (let i = 0; i < count; i++) {
      skin[4 * i] = index;
      weight[4 * i] = 1;
    }
    geometry.setAttribute("skinIndex", new BufferAttribute(skin, 4));
    geometry.setAttribute("skinWeight", new BufferAttribute(weight, 4));
    geometry.setAttribute("color", new BufferAttribute(colour, 3));
    geometry.deleteAttribute("uv");
    parts.push(geometry);
  };
  const ellipsoid = (joint: string, by: Triple, radii: Triple, shade = LIGHT) => {
    const at = place(joint, by);
    add(new SphereGeometry(1, 20, 14).scale(...radii).translate(at.x, at.y, at.z), joint, shade);
  };
  /** A limb from one joint to another, thinner towards its end. */
  const limb = (joint: string, to: string, thick: number, thin: number) => {
    const a = place(joint), b = place(to), way = b.clone().sub(a), length = way.length();
    const geometry = new CapsuleGeometry(1, 2, 8, 16, 4);
    const position = geometry.getAttribute("position"), point = new Vector3();
    const turn = new Quaternion().setFromUnitVectors(UP, way.clone().normalize());
    for (let i = 0; i < position.count; i++) {
      point.fromBufferAttribute(position, i);
      const share = Math.min(Math.max((point.y + 1) / 2, 0), 1), radius = thick + (thin - thick) * share;
      const cap = point.y - Math.min(Math.max(point.y, -1), 1);
      point.set(point.x * radius, share * length + cap * radius, point.z * radius).applyQuaternion(turn).add(a);
      position.setXYZ(i, point.x, point.y, point.z);
    }
    geometry.computeVertexNormals();
    add(geometry, joint);
  };
  ellipsoid("pelvis", [0, -0.01, 0], [0.135, 0.105, 0.1]);
  ellipsoid("spine1", [0, 0, 0.005], [0.108, 0.1, 0.082], DARK);
  ellipsoid("spine2", [0, 0.02, 0.008], [0.118, 0.09, 0.088]);
  ellipsoid("spine3", [0, 0.075, 0.006], [0.15, 0.125, 0.1]);
  limb("neck", "head", 0.045, 0.042);
  ellipsoid("head", [0, 0.085, 0.012], [0.075, 0.112, 0.092]);
  ellipsoid("head", [0, 0.095, 0.058], [0.058, 0.032, 0.052], 0.12);
  for (const side of ["left", "right"]) {
    const out = side === "left" ? 1 : -1;
    ellipsoid(`${side}_collar`, [out * 0.03, -0.005, 0], [0.075, 0.055, 0.07]);
    ellipsoid(`${side}_shoulder`, [out * 0.012, 0, 0], [0.058, 0.058, 0.058], DARK);
    limb(`${side}_shoulder`, `${side}_elbow`, 0.05, 0.037);
    ellipsoid(`${side}_elbow`, [0, 0, 0], [0.039, 0.039, 0.039], DARK);
    limb(`${side}_elbow`, `${side}_wrist`, 0.037, 0.026);
    ellipsoid(`${side}_wrist`, [0, 0, 0], [0.027, 0.027, 0.027], DARK);
    ellipsoid(`${side}_wrist`, [out * 0.08, -0.004, 0.004], [0.085, 0.02, 0.04]);
    ellipsoid(`${side}_hip`, [out * 0.01, 0, 0], [0.08, 0.08, 0.08], DARK);
    limb(`${side}_hip`, `${side}_knee`, 0.082, 0.054);
    ellipsoid(`${side}_knee`, [0, 0, 0.006], [0.055, 0.055, 0.055], DARK);
    limb(`${side}_knee`, `${side}_ankle`, 0.055, 0.035);
    ellipsoid(`${side}_ankle`, [0, 0, 0], [0.039, 0.039, 0.039], DARK);
    ellipsoid(`${side}_ankle`, [0, -0.078, 0.015], [0.044, 0.039, 0.105]);
    ellipsoid(`${side}_foot`, [0, -0.012, 0.03], [0.042, 0.029, 0.066], DARK);
  }
  const whole = mergeGeometries(parts);
  for (const part of parts) part.dispose();
  return whole;
}

/** One mannequin on the stage. Its matrices are written by whoever poses it. */
export class Body {
  readonly mesh: SkinnedMesh;
  readonly matrices: Float32Array;
  readonly places = new Float32Array(3 * JOINTS);
  readonly material: MeshStandardMaterial;

  constructor(geometry: BufferGeometry, colour: number, ghost: boolean) {
    this.material = new MeshStandardMaterial({
      color: new Color(colour), roughness: 0.55, metalness: 0.05, vertexColors: true,
      ...(ghost ? { transparent: true, opacity: 0.35, depthWrite: false } : {}),
    });
    const bones = Array.from({ length: JOINTS }, () => new Bone());
    const skeleton = new PosedBones(bones);
    skeleton.computeBoneTexture();
    this.matrices = skeleton.boneMatrices!;
    this.mesh = new SkinnedMesh(geometry, this.material);
    this.mesh.bind(skeleton, this.mesh.matrixWorld);
    this.mesh.frustumCulled = false;
    this.mesh.castShadow = !ghost;
  }

  dispose(): void {
    this.mesh.skeleton.dispose();
    this.material.dispose();
  }
}
