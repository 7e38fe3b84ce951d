#include "StrutRigMap.h"

#include "Dom/JsonObject.h"
#include "Engine/SkeletalMesh.h"
#include "ReferenceSkeleton.h"
#include "Serialization/JsonReader.h"
#include "Serialization/JsonSerializer.h"
#include "Serialization/JsonWriter.h"
#include "StrutControls.h"
#include "StrutModule.h"
#include "StrutSpace.h"

namespace
{

const TPair<const TCHAR*, strut::EngineSpace> GSpaces[] = {
    {TEXT("unity"), strut::EngineSpace::unity},
    {TEXT("unreal_facing_y"), strut::EngineSpace::unreal_facing_y},
    {TEXT("unreal_facing_x"), strut::EngineSpace::unreal_facing_x},
};

FString ToString(const std::string& Text)
{
    return FString(UTF8_TO_TCHAR(Text.c_str()));
}

// Numbers of an array field; false where it is none, or has another length.
bool ReadNumbers(const FJsonObject& Object, const TCHAR* Field, int32 Count, float* Out)
{
    const TArray<TSharedPtr<FJsonValue>>* Values = nullptr;
    if (!Object.TryGetArrayField(Field, Values) || Values->Num() != Count)
    {
        return false;
    }
    for (int32 Index = 0; Index < Count; ++Index)
    {
        double Number = 0.0;
        if (!(*Values)[Index]->TryGetNumber(Number))
        {
            return false;
        }
        Out[Index] = static_cast<float>(Number);
    }
    return true;
}

FString ReadBone(const FJsonObject& Object, strut::BoneSource& Out)
{
    FString Bone, Joint, Next;
    double Share = 0.0;
    if (!Object.TryGetStringField(TEXT("bone"), Bone) || !Object.TryGetStringField(TEXT("joint"), Joint))
    {
        return TEXT("bones: an entry lacks bone or joint");
    }
    Object.TryGetStringField(TEXT("next"), Next);
    Object.TryGetNumberField(TEXT("share"), Share);
    Out.bone = StrutControls::ToText(Bone);
    Out.share = static_cast<float>(Share);
    if (!strut::joint_of_name(StrutControls::ToText(Joint), Out.joint))
    {
        return FString::Printf(TEXT("bones: joint of %s is %s, which the canonical skeleton has not"), *Bone, *Joint);
    }
    if (!Next.IsEmpty() && !strut::joint_of_name(StrutControls::ToText(Next), Out.next))
    {
        return FString::Printf(TEXT("bones: next of %s is %s, which the canonical skeleton has not"), *Bone, *Next);
    }
    return FString();
}

TArray<TSharedPtr<FJsonValue>> Numbers(std::initializer_list<float> Values)
{
    TArray<TSharedPtr<FJsonValue>> Out;
    for (const float Value : Values)
    {
        Out.Add(MakeShared<FJsonValueNumber>(Value));
    }
    return Out;
}

} // namespace

FString UStrutRigMap::FromJson(const FString& Text, strut::RigMap& Out)
{
    Out = strut::RigMap();
    TSharedPtr<FJsonObject> Root;
    const TSharedRef<TJsonReader<>> Reader = TJsonReaderFactory<>::Create(Text);
    if (!FJsonSerializer::Deserialize(Reader, Root) || !Root.IsValid())
    {
        return TEXT("the text is no JSON object");
    }
    double Version = 0.0;
    if (!Root->TryGetNumberField(TEXT("version"), Version) || Version != 1.0)
    {
        return FString::Printf(TEXT("version: is %g, it must be 1"), Version);
    }
    FString Space;
    Root->TryGetStringField(TEXT("space"), Space);
    bool bKnown = false;
    for (const TPair<const TCHAR*, strut::EngineSpace>& Known : GSpaces)
    {
        if (Space == Known.Key)
        {
            Out.space = Known.Value;
            bKnown = true;
        }
    }
    if (!bKnown)
    {
        return FString::Printf(TEXT("space: is %s, it must be unity, unreal_facing_y or unreal_facing_x"), *Space);
    }
    const TArray<TSharedPtr<FJsonValue>>* Entries = nullptr;
    if (!Root->TryGetArrayField(TEXT("bones"), Entries))
    {
        return TEXT("bones: is missing, it must be a list");
    }
    for (const TSharedPtr<FJsonValue>& Entry : *Entries)
    {
        const TSharedPtr<FJsonObject>* Object = nullptr;
        strut::BoneSource Bone;
        const FString Wrong = Entry->TryGetObject(Object) ? ReadBone(**Object, Bone) : TEXT("bones: an entry is no object");
        if (!Wrong.IsEmpty())
        {
            return Wrong;
        }
        Out.bones.push_back(Bone);
    }
    const TSharedPtr<FJsonObject>* Corrections = nullptr;
    if (Root->TryGetObjectField(TEXT("t_pose"), Corrections))
    {
        for (const auto& Entry : (*Corrections)->Values)
        {
            const FString Bone(Entry.Key);
            float Q[4];
            if (!ReadNumbers(**Corrections, *Bone, 4, Q))
            {
                return FString::Printf(TEXT("t_pose: %s must have four numbers, a rotation as x, y, z, w"), *Bone);
            }
            Out.t_pose.push_back({StrutControls::ToText(Bone), {Q[0], Q[1], Q[2], Q[3]}});
        }
    }
    if (Root->TryGetArrayField(TEXT("twists"), Entries))
    {
        for (const TSharedPtr<FJsonValue>& Entry : *Entries)
        {
            const TSharedPtr<FJsonObject>* Object = nullptr;
            FString Bone, Source;
            float Axis[3];
            double Share = 0.0;
            if (!Entry->TryGetObject(Object) || !(*Object)->TryGetStringField(TEXT("bone"), Bone) ||
                !(*Object)->TryGetStringField(TEXT("source"), Source) || !ReadNumbers(**Object, TEXT("axis"), 3, Axis) ||
                !(*Object)->TryGetNumberField(TEXT("share"), Share))
            {
                return TEXT("twists: an entry must have bone, source, axis (three numbers) and share");
            }
            Out.twists.push_back({StrutControls::ToText(Bone), StrutControls::ToText(Source),
                                  {Axis[0], Axis[1], Axis[2]}, static_cast<float>(Share)});
        }
    }
    double HipScale = 0.0;
    if (Root->TryGetNumberField(TEXT("hip_scale"), HipScale))
    {
        if (!(HipScale > 0.0))
        {
            return FString::Printf(TEXT("hip_scale: is %g, it must be more than 0"), HipScale);
        }
        Out.hip_scale = static_cast<float>(HipScale);
    }
    Root->TryGetBoolField(TEXT("foot_ik"), Out.foot_ik);
    return FString();
}

FString UStrutRigMap::ToJson(const strut::RigMap& Map)
{
    const auto Name = [](strut::Joint Joint) { return FString(strut::kJointNames[static_cast<std::size_t>(Joint)]); };
    const TSharedRef<FJsonObject> Root = MakeShared<FJsonObject>();
    Root->SetNumberField(TEXT("version"), 1);
    for (const TPair<const TCHAR*, strut::EngineSpace>& Known : GSpaces)
    {
        if (Known.Value == Map.space)
        {
            Root->SetStringField(TEXT("space"), Known.Key);
        }
    }
    TArray<TSharedPtr<FJsonValue>> Bones;
    for (const strut::BoneSource& Bone : Map.bones)
    {
        const TSharedRef<FJsonObject> Entry = MakeShared<FJsonObject>();
        Entry->SetStringField(TEXT("bone"), ToString(Bone.bone));
        Entry->SetStringField(TEXT("joint"), Name(Bone.joint));
        if (Bone.share != 0.f)
        {
            Entry->SetStringField(TEXT("next"), Name(Bone.next));
            Entry->SetNumberField(TEXT("share"), Bone.share);
        }
        Bones.Add(MakeShared<FJsonValueObject>(Entry));
    }
    Root->SetArrayField(TEXT("bones"), Bones);
    if (!Map.t_pose.empty())
    {
        const TSharedRef<FJsonObject> Corrections = MakeShared<FJsonObject>();
        for (const strut::PoseCorrection& Pose : Map.t_pose)
        {
            Corrections->SetArrayField(
                ToString(Pose.bone), Numbers({Pose.rotation.x, Pose.rotation.y, Pose.rotation.z, Pose.rotation.w}));
        }
        Root->SetObjectField(TEXT("t_pose"), Corrections);
    }
    TArray<TSharedPtr<FJsonValue>> Twists;
    for (const strut::TwistBone& Twist : Map.twists)
    {
        const TSharedRef<FJsonObject> Entry = MakeShared<FJsonObject>();
        Entry->SetStringField(TEXT("bone"), ToString(Twist.bone));
        Entry->SetStringField(TEXT("source"), ToString(Twist.source));
        Entry->SetArrayField(TEXT("axis"), Numbers({Twist.axis.x, Twist.axis.y, Twist.axis.z}));
        Entry->SetNumberField(TEXT("share"), Twist.share);
        Twists.Add(MakeShared<FJsonValueObject>(Entry));
    }
    if (!Twists.IsEmpty())
    {
        Root->SetArrayField(TEXT("twists"), Twists);
    }
    if (Map.hip_scale > 0.f)
    {
        Root->SetNumberField(TEXT("hip_scale"), Map.hip_scale);
    }
    Root->SetBoolField(TEXT("foot_ik"), Map.foot_ik);
    FString Text;
    const TSharedRef<TJsonWriter<>> Writer = TJsonWriterFactory<>::Create(&Text);
    FJsonSerializer::Serialize(Root, Writer);
    return Text;
}

FString UStrutRigMap::Read(strut::RigMap& Out) const
{
    return FromJson(Json, Out);
}

strut::Rig UStrutRigMap::RigOf(const FReferenceSkeleton& Skeleton)
{
    strut::Rig Rig;
    for (int32 Bone = 0; Bone < Skeleton.GetNum(); ++Bone)
    {
        const FTransform& Rest = Skeleton.GetRefBonePose()[Bone];
        Rig.push_back({StrutControls::ToText(Skeleton.GetBoneName(Bone).ToString()), Skeleton.GetParentIndex(Bone),
                       StrutSpace::ToQuat(Rest.GetRotation()), StrutSpace::ToVec(Rest.GetTranslation())});
    }
    return Rig;
}

void UStrutRigMap::MakeAutomatically()
{
    const USkeletalMesh* Loaded = Mesh.LoadSynchronous();
    if (Loaded == nullptr)
    {
        UE_LOG(LogStrut, Warning, TEXT("%s: Mesh is empty, choose the mesh to map first"), *GetName());
        return;
    }
    Modify();
    Json = ToJson(strut::automatic_map(RigOf(Loaded->GetRefSkeleton()), strut::EngineSpace::unreal_facing_y));
}

FString UStrutRigMap::Check() const
{
    const USkeletalMesh* Loaded = Mesh.LoadSynchronous();
    if (Loaded == nullptr)
    {
        return TEXT("Mesh: is empty");
    }
    const strut::Rig Rig = RigOf(Loaded->GetRefSkeleton());
    strut::RigMap Map = strut::automatic_map(Rig, strut::EngineSpace::unreal_facing_y);
    const FString Wrong = Json.IsEmpty() ? FString() : FromJson(Json, Map);
    if (!Wrong.IsEmpty())
    {
        return Wrong;
    }
    strut::Retargeter Retargeter;
    return ToString(Retargeter.prepare(Rig, Map));
}

#if WITH_EDITOR
void UStrutRigMap::PostEditChangeProperty(FPropertyChangedEvent& Event)
{
    Super::PostEditChangeProperty(Event);
    const FString Wrong = Mesh.IsNull() ? FString() : Check();
    if (!Wrong.IsEmpty())
    {
        UE_LOG(LogStrut, Warning, TEXT("%s: %s"), *GetName(), *Wrong);
    }
}
#endif
